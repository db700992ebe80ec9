// What logs may have of what somebody was told to do: no password, no token.
#pragma once

#include <string>

#include "codec/json.h"

namespace skiff::manage {

// Of a URL, also of one that is written wrongly, neither who logs in there nor what is asked; any
// other text as it is.
std::string without_secrets(const std::string& text);
// The same of each text in a value; of members that are named as secrets are, nothing.
json::Value without_secrets(const json::Value& value);

}  // namespace skiff::manage
