#include "codec/json_text.h"

#include "base/strings.h"

namespace skiff::json {

namespace {

Result<> check(const std::string& text, const std::string& place) {
  if (text.find('\0') == std::string::npos) return {};
  return Error(Code::kInvalidArgument, cat(place, " holds a NUL byte"));
}

}  // namespace

Result<> refuse_nul(const Value& value, const std::string& place) {
  if (value.is_string()) return check(value.as_string(), place);
  if (value.is_array()) {
    size_t number = 0;
    for (const Value& each : value.as_array()) {
      TRY(refuse_nul(each, cat(place, "[", number++, "]")));
    }
  }
  if (value.is_object()) {
    for (const auto& [name, each] : value.as_object()) {
      TRY(check(name, place));
      TRY(refuse_nul(each, cat(place, ".", name)));
    }
  }
  return {};
}

}  // namespace skiff::json
