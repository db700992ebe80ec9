#include "engine/logs.h"

#include <cctype>

#include "base/strings.h"

namespace skiff::engine {

namespace {

// As Go's url.QueryEscape, in which Docker writes details.
std::string query_escape(std::string_view text) {
  std::string out;
  for (char c : text) {
    bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' ||
                 c == '.' || c == '~';
    if (plain) {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      out += cat("%", to_upper(to_hex(std::string_view(&c, 1))));
    }
  }
  return out;
}

}  // namespace

std::string format_log_entry(const LogEntry& entry, bool timestamps, bool details) {
  std::string out;
  if (timestamps) out = format_rfc3339_fixed(entry.time) + " ";
  if (details) {
    std::string_view separator;
    for (const auto& [key, value] : entry.attributes) {
      out += cat(separator, query_escape(key), "=", query_escape(value));
      separator = ",";
    }
    out += ' ';
  }
  return out + entry.text;
}

}  // namespace skiff::engine
