// Parameters of POST /build that both of its protocols have.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/router.h"

namespace skiff::api {

// One that is JSON; null when absent.
Result<json::Value> json_argument(const Call& call, std::string_view key);
// `cachefrom`: names of images.
Result<std::vector<std::string>> cache_from_argument(const Call& call);

}  // namespace skiff::api
