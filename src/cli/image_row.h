// An image of GET /images/json as the rows that `images` shows: one for each of its names.
#pragma once

#include <vector>

#include "codec/json.h"

namespace skiff::cli {

std::vector<json::Value> image_rows(const json::Value& image, bool truncate);

}  // namespace skiff::cli
