// The parts of a URL that clients compare and join (RFC 3986, section 5).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace skiff::net {

struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // "registry.example:5000"; the scheme's default port is cut
  std::string target;  // "/path?query"

  // kInvalidArgument for anything but an http or https URL with a host.
  static Result<Url> parse(std::string_view text);
  // A Location header of an answer from this URL: absolute or relative.
  Result<Url> resolve(std::string_view location) const;
  std::string str() const;
};

// "https://user:secret@host/path?token" is "https://host/path?token".
std::string without_login(std::string_view url);
// "https://user:secret@host/path?token" is "https://host/path": for messages.
std::string shown_url(std::string_view url);
// "registry.example:5000" -> "registry.example", "[::1]:5000" -> "::1".
std::string host_name(std::string_view host);
// These take a host with or without a port, and addresses in every form that the system connects
// to: "127.1", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]". localhost and what is below it,
// 127.0.0.0/8 and ::1.
bool is_loopback(std::string_view host);
// 169.254.0.0/16 and fe80::/10: where clouds keep their machines' secrets.
bool is_link_local(std::string_view host);
// 0.0.0.0 and ::, which lead to this machine: where nobody else may send us.
bool is_unspecified(std::string_view host);

}  // namespace skiff::net
