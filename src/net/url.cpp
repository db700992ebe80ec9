#include "net/url.h"

#include <arpa/inet.h>

#include "base/strings.h"

namespace skiff::net {

std::string shown_url(std::string_view url) {
  std::string out(url.substr(0, url.find_first_of("?#")));
  size_t start = out.find("://");
  size_t at = out.find('@');
  if (start != std::string::npos && at != std::string::npos && at < out.find('/', start + 3)) {
    out.erase(start + 3, at - start - 2);
  }
  return out;
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
  if (url.host.empty() || url.host.find('@') != std::string::npos) {
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
  const std::string name = host_name(host);
  in6_addr v6{};
  if (::inet_pton(AF_INET6, name.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  in_addr v4{};
  if (::inet_pton(AF_INET, name.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24U) == 127;
  return equals_ignore_case(name, "localhost");
}

bool is_link_local(std::string_view host) {
  const std::string name = host_name(host);
  in6_addr v6{};
  if (::inet_pton(AF_INET6, name.c_str(), &v6) == 1) return IN6_IS_ADDR_LINKLOCAL(&v6);
  in_addr v4{};
  constexpr uint32_t kLinkLocal = 0xa9fe;
  return ::inet_pton(AF_INET, name.c_str(), &v4) == 1 && (ntohl(v4.s_addr) >> 16U) == kLinkLocal;
}

}  // namespace skiff::net
