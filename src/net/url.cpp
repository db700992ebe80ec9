#include "net/url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/strings.h"
#include "net/request_target.h"

namespace skiff::net {

namespace {

std::optional<uint32_t> mapped_ipv4(const in6_addr& address) {
  if (!IN6_IS_ADDR_V4MAPPED(&address)) return std::nullopt;
  uint32_t four = 0;
  std::memcpy(&four, &address.s6_addr[12], sizeof four);
  return ntohl(four);
}

// The address that a host is, as the system reads it; IPv4 mapped into IPv6.
std::optional<in6_addr> address_of(std::string_view host) {
  std::string name = host_name(host);
  if (name.find_first_of(" \t\r\n") != std::string::npos) return std::nullopt;
  in_addr four{};
  in6_addr six{};
  if (::inet_aton(name.c_str(), &four) == 1) {
    six.s6_addr[10] = six.s6_addr[11] = 0xff;
    std::memcpy(&six.s6_addr[12], &four, sizeof four);
    return six;
  }
  name.resize(std::min(name.find('%'), name.size()));  // a zone
  if (::inet_pton(AF_INET6, name.c_str(), &six) != 1) return std::nullopt;
  return six;
}

}  // namespace

std::string without_login(std::string_view url) {
  std::string out(url);
  const size_t scheme = out.find("://");
  if (scheme == std::string::npos) return out;
  const size_t host = scheme + 3;
  const size_t at = out.rfind('@', out.find_first_of("/?#", host));
  if (at != std::string::npos && at >= host) out.erase(host, at + 1 - host);
  return out;
}

std::string shown_url(std::string_view url) {
  const std::string out = without_login(url);
  return out.substr(0, out.find_first_of("?#"));
}

Result<Url> Url::parse(std::string_view text) {
  Url url;
  if (text.starts_with("https://")) {
    url.scheme = "https";
  } else if (text.starts_with("http://")) {
    url.scheme = "http";
  } else {
    return Error(Code::kInvalidArgument,
                 cat("not an http or https URL: ", skiff::quoted(shown_url(text))));
  }
  std::string_view rest = text.substr(url.scheme.size() + 3);
  const size_t end = rest.find_first_of("/?#");
  url.host = to_lower(rest.substr(0, end));
  url.target = end == std::string_view::npos ? "/" : std::string(rest.substr(end));
  if (url.target.front() != '/') url.target.insert(0, "/");
  // An escape in a name would be another name to who connects.
  const bool is_escaped = !url.host.starts_with('[') && url.host.find('%') != std::string::npos;
  if (url.host.empty() || is_escaped || !is_host(url.host)) {
    return Error(Code::kInvalidArgument,
                 cat("no plain host in the URL ", skiff::quoted(shown_url(text))));
  }
  const std::string_view default_port = url.scheme == "https" ? ":443" : ":80";
  if (url.host.ends_with(default_port)) url.host.resize(url.host.size() - default_port.size());
  return url;
}

Result<Url> Url::resolve(std::string_view location) const {
  if (location.empty()) return Error(Code::kInvalidArgument, "empty Location");
  if (location.starts_with("http://") || location.starts_with("https://")) return parse(location);
  if (location.starts_with("//")) return parse(cat(scheme, ":", location));
  Url url = *this;
  if (location.front() == '/') {
    url.target = location;
  } else {
    const std::string path = target.substr(0, target.find('?'));
    url.target = path.substr(0, path.rfind('/') + 1) + std::string(location);
  }
  return url;
}

std::string Url::str() const { return cat(scheme, "://", host, target); }

std::string host_name(std::string_view host) {
  if (host.starts_with('[')) return std::string(host.substr(1, host.find(']') - 1));
  return std::string(host.substr(0, host.find(':')));
}

bool is_loopback(std::string_view host) {
  if (const auto address = address_of(host)) {
    const auto four = mapped_ipv4(*address);
    return four ? *four >> 24U == IN_LOOPBACKNET : IN6_IS_ADDR_LOOPBACK(&*address);
  }
  const std::string name = to_lower(host_name(host));
  return name == "localhost" || name.ends_with(".localhost");
}

bool is_link_local(std::string_view host) {
  constexpr uint32_t kLinkLocal = 0xa9fe;
  const auto address = address_of(host);
  if (!address) return false;
  const auto four = mapped_ipv4(*address);
  return four ? *four >> 16U == kLinkLocal : IN6_IS_ADDR_LINKLOCAL(&*address);
}

bool is_unspecified(std::string_view host) {
  const auto address = address_of(host);
  if (!address) return false;
  const auto four = mapped_ipv4(*address);
  return four ? *four == INADDR_ANY : IN6_IS_ADDR_UNSPECIFIED(&*address);
}

}  // namespace skiff::net
