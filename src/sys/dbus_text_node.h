// The parts of a DbusText, between its two sources.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sys/dbus_text.h"

namespace skiff::sys {

enum class DbusNodeKind : uint8_t {
  kNumber,
  kString,
  kBoolean,
  kBytes,
  kArray,
  kDictionary,
  kVariant
};

struct DbusText::Node {
  DbusNodeKind kind = DbusNodeKind::kString;
  std::string type;  // as it is given; "" where the usual one is meant
  std::string text;
  std::vector<Node> children;  // of a dictionary: key, value, key, value...
};

Result<DbusText::Node> parse_dbus_text(std::string_view text);

}  // namespace skiff::sys
