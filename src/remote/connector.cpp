#include "remote/connector.h"

#include <algorithm>

#include "base/strings.h"
#include "net/ip_address.h"

namespace skiff::remote {

namespace {

net::WebClientOptions web_options(const ClientOptions& options, bool insecure) {
  net::WebClientOptions web;
  web.insecure_tls = insecure;
  web.ca_file = options.ca_file;
  web.user_agent = options.user_agent;
  return web;
}

net::WebClientOptions outer_options(const ClientOptions& options) {
  net::WebClientOptions web = web_options(options, false);
  web.may_connect = [](const sockaddr& address) {
    return net::reach_of(address) == net::Reach::kPublic;
  };
  return web;
}

}  // namespace

Connector::Connector(const ClientOptions& options)
    : insecure_hosts_(options.insecure_hosts),
      own_authorities_(!options.ca_file.empty()),
      strict_(web_options(options, false)),
      lax_(web_options(options, true)),
      outer_(outer_options(options)) {}

Result<net::WebResponse> Connector::send(const std::string& host, const std::string& target,
                                         net::WebRequest request) {
  const std::string scheme = scheme_of(host);
  if (scheme.empty()) return probe(host, target, request);
  request.url = cat(scheme, "://", host, target);
  return client_for(host).send(request);
}

Result<net::WebResponse> Connector::send(net::Url url, net::WebRequest request) {
  if (url.scheme == "http" && scheme_of(url.host) == "https") url.scheme = "https";
  request.url = url.str();
  return client_for(url.host).send(request);
}

Result<net::WebResponse> Connector::send_outside(const net::Url& url, net::WebRequest request) {
  request.url = url.str();
  return outer_.send(request);
}

bool Connector::may_carry_secrets(const net::Url& url) const {
  return url.scheme == "https" || plain_http_allowed(url.host);
}

bool Connector::plain_http_allowed(const std::string& host) const {
  if (net::is_loopback(host)) return true;
  return std::ranges::any_of(insecure_hosts_, [&](const std::string& insecure) {
    return insecure == host || insecure == net::host_name(host);
  });
}

// The first contact with a host, which decides how it is spoken to from then on.
Result<net::WebResponse> Connector::probe(const std::string& host, const std::string& target,
                                          net::WebRequest& request) {
  request.url = cat("https://", host, target);
  auto answer = client_for(host).send(request);
  if (answer) {
    remember(host, "https");
    return answer;
  }
  if (!plain_http_allowed(host) || request.cancel.cancelled()) return answer;
  request.url = cat("http://", host, target);
  answer = client_for(host).send(request);
  if (answer) remember(host, "http");
  return answer;
}

std::string Connector::scheme_of(const std::string& host) {
  const std::scoped_lock lock(mutex_);
  auto found = schemes_.find(host);
  return found == schemes_.end() ? "" : found->second;
}

void Connector::remember(const std::string& host, const std::string& scheme) {
  const std::scoped_lock lock(mutex_);
  schemes_[host] = scheme;
}

net::WebClient& Connector::client_for(const std::string& host) {
  // Given authorities are there to be checked, also on the loopback.
  const bool named_insecure =
      plain_http_allowed(host) && !(net::is_loopback(host) && own_authorities_);
  return named_insecure ? lax_ : strict_;
}

}  // namespace skiff::remote
