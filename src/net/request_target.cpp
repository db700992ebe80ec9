#include "net/request_target.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::net {

namespace {

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Fragments are not sent, and a % stands before two digits (RFC 9112, 3.2; RFC 3986, 2.1).
bool is_well_formed(std::string_view target) {
  if (target.find('#') != std::string_view::npos) return false;
  for (size_t at = 0; (at = target.find('%', at)) != std::string_view::npos; at += 3) {
    if (at + 2 >= target.size() || !is_hex(target[at + 1]) || !is_hex(target[at + 2])) return false;
  }
  return true;
}

}  // namespace

Result<std::string> origin_form(std::string_view method, std::string_view target) {
  if (!is_well_formed(target)) {
    return Error(Code::kInvalidArgument, cat("malformed request target ", quoted(target)));
  }
  if (target.starts_with('/') || (target == "*" && method == "OPTIONS")) {
    return std::string(target);
  }
  const auto parts = split_once(target, ':');
  const bool is_http = parts && (equals_ignore_case(parts->first, "http") ||
                                 equals_ignore_case(parts->first, "https"));
  if (!is_http || !parts->second.starts_with("//")) {
    return Error(Code::kInvalidArgument, cat("malformed request target ", quoted(target)));
  }
  const std::string_view rest = parts->second.substr(2);
  const size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  if (end == 0) return Error(Code::kInvalidArgument, "the request target names no host");
  const std::string_view path = rest.substr(end);
  return path.starts_with('/') ? std::string(path) : cat("/", path);
}

bool is_host(std::string_view text) {
  return std::ranges::none_of(text, [](char c) {
    return c <= ' ' || c == 0x7f ||
           std::string_view("\"#,<>?@\\^`{|}").find(c) != std::string_view::npos;
  });
}

}  // namespace skiff::net
