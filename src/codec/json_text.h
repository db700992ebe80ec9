// Strings of a document that the kernel gets: it takes them to end at their first NUL byte, and
// what was judged would not be what is done.
#pragma once

#include <string>

#include "codec/json.h"

namespace skiff::json {

// kInvalidArgument ("mounts[0].source holds a NUL byte") where a string of `value`, or a member's
// name, holds one; `place` is where `value` stands.
Result<> refuse_nul(const Value& value, const std::string& place);
// The same for every control character of ASCII, for what is shown and written in lines.
Result<> refuse_control(const Value& value, const std::string& place);
// But for tabs and ends of lines in the strings: a text's.
Result<> refuse_control_in_text(const Value& value, const std::string& place);

}  // namespace skiff::json
