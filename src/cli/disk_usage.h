// `system df`: what images, containers, volumes and the build cache take on disk.
#pragma once

#include <string>

#include "codec/json.h"

namespace skiff::cli {

// The four sums of GET /system/df, by --format.
Result<std::string> disk_usage_summary(const json::Value& usage, const std::string& format);
// What the engine was told to keep to; "" for no limit.
std::string storage_limit_line(const json::Value& usage);
// Each object, for -v.
Result<std::string> disk_usage_details(const json::Value& usage);

}  // namespace skiff::cli
