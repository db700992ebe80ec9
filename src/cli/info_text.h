// What `version` and `info` say in words.
#pragma once

#include <string>

#include "codec/json.h"

namespace skiff::cli {

// {"Client": ..., "Server": ... or null}.
std::string version_text(const json::Value& both);
// The part under "Server:".
std::string info_text(const json::Value& info);

}  // namespace skiff::cli
