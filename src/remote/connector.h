// Connector: which way a registry host is reached: HTTPS, or plain HTTP where that is allowed
// (loopback and hosts named insecure) and HTTPS did not answer. Remembers the choice.
// Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "net/url.h"
#include "net/web_client.h"
#include "remote/registry_client.h"

namespace skiff::remote {

class Connector {
 public:
  explicit Connector(const ClientOptions& options);

  // Sends to `target` ("/v2/...") on `host`; request.url is filled in.
  Result<net::WebResponse> send(const std::string& host, const std::string& target,
                                net::WebRequest request);
  // Sends to a full URL. Plain HTTP to the host of a HTTPS registry is made HTTPS again:
  // registries behind a TLS proxy often name themselves wrongly.
  Result<net::WebResponse> send(net::Url url, net::WebRequest request);

  // Sends to a URL that somebody else named: to addresses of the public network alone, whatever
  // names lead there, and through no proxy. kPermissionDenied.
  Result<net::WebResponse> send_outside(const net::Url& url, net::WebRequest request);

  // True where a secret may travel to: TLS, or a host that plain HTTP is allowed for.
  bool may_carry_secrets(const net::Url& url) const;
  bool plain_http_allowed(const std::string& host) const;

 private:
  Result<net::WebResponse> probe(const std::string& host, const std::string& target,
                                 net::WebRequest& request);
  std::string scheme_of(const std::string& host);
  void remember(const std::string& host, const std::string& scheme);
  net::WebClient& client_for(const std::string& host);

  std::vector<std::string> insecure_hosts_;
  bool own_authorities_;
  net::WebClient strict_;
  net::WebClient lax_;  // accepts any certificate
  net::WebClient outer_;
  std::mutex mutex_;
  std::map<std::string, std::string> schemes_;
};

}  // namespace skiff::remote
