// What the readers of config.json's parts share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/json.h"
#include "runtime/oci_config.h"

namespace skiff::runtime {

inline constexpr int64_t kMaxUint32 = 0xffffffff;

inline Error invalid(const std::string& text) { return {Code::kInvalidArgument, text}; }
// Null is the same as not there.
bool gives(const json::Value& object, std::string_view key);
Result<uint32_t> uint32_of(const json::Value& object, std::string_view key);
// A whole number of [least, most]; 0 when it is not there.
Result<int> int_of(const json::Value& object, std::string_view key, int least, int most);

Result<std::vector<sys::IdMapping>> parse_mappings(const json::Value& object, const char* key);
Result<> parse_linux(const json::Value& lx, OciConfig& out);

}  // namespace skiff::runtime
