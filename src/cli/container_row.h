// A container of GET /containers/json as the row that `ps` shows.
#pragma once

#include <string>

#include "codec/json.h"

namespace skiff::cli {

json::Value container_row(const json::Value& container, bool truncate);
// "0.0.0.0:80->80/tcp, 443/tcp": neighbours joined to ranges.
std::string ports_text(const json::Array& ports);

}  // namespace skiff::cli
