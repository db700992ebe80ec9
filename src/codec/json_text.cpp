#include "codec/json_text.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::json {

namespace {

// What stands in `text` that is not to be in a string; "" for nothing.
using Fault = std::string (*)(std::string_view text);

std::string nul_in(std::string_view text) {
  return text.find('\0') == std::string_view::npos ? "" : "a NUL byte";
}

bool is_control(char c) { return (c >= '\0' && c < ' ') || c == '\x7f'; }
bool is_space(char c) { return c == '\t' || c == '\n' || c == '\r'; }

std::string control_in(std::string_view text) {
  if (std::ranges::none_of(text, is_control)) return "";
  const std::string nul = nul_in(text);
  return nul.empty() ? "a control character" : nul;
}

std::string control_in_text(std::string_view text) {
  std::string rest(text);
  std::erase_if(rest, is_space);
  return control_in(rest);
}

Result<> check(Fault fault_in, const std::string& text, const std::string& place) {
  const std::string fault = fault_in(text);
  if (fault.empty()) return {};
  return Error(Code::kInvalidArgument, cat(place, " holds ", fault));
}

// `fault_in_name` is of the members' names.
Result<> walk(const Value& value, const std::string& place, Fault fault_in, Fault fault_in_name) {
  if (value.is_string()) return check(fault_in, value.as_string(), place);
  if (value.is_array()) {
    size_t number = 0;
    for (const Value& each : value.as_array()) {
      TRY(walk(each, cat(place, "[", number++, "]"), fault_in, fault_in_name));
    }
  }
  if (value.is_object()) {
    for (const auto& [name, each] : value.as_object()) {
      TRY(check(fault_in_name, name, place));
      TRY(walk(each, cat(place, ".", name), fault_in, fault_in_name));
    }
  }
  return {};
}

}  // namespace

Result<> refuse_nul(const Value& value, const std::string& place) {
  return walk(value, place, nul_in, nul_in);
}

Result<> refuse_control(const Value& value, const std::string& place) {
  return walk(value, place, control_in, control_in);
}

Result<> refuse_control_in_text(const Value& value, const std::string& place) {
  return walk(value, place, control_in_text, control_in);
}

}  // namespace skiff::json
