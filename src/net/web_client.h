// WebClient: HTTP and HTTPS to servers of the outside, over libcurl: proxies from the
// environment, connection reuse, TLS with the system's or given authorities. Redirects
// are followed for GET and HEAD; credentials never travel to another host.
// Thread-safe; each call takes a pooled handle.
#pragma once

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/cancellation.h"
#include "base/file.h"
#include "net/http.h"

namespace skiff::net {

struct WebResponse;

struct WebRequest {
  std::string method = "GET";
  std::string url;
  Headers headers;
  // The URL is signed: sent as it stands, and a redirect is an answer like others.
  bool exact_url = false;
  std::string body;                                       // for PUT, POST and PATCH
  std::function<Result<size_t>(std::span<char>)> upload;  // when set, streamed instead of `body`
  uint64_t upload_size = 0;
  // Called once with the status and headers of the final 2xx answer, before any of its body;
  // an Error ends the transfer and is what send() returns (likewise for on_body).
  std::function<Result<>(const WebResponse&)> on_head;
  // Called for each piece of a 2xx body; when unset the body is gathered.
  std::function<Result<>(std::string_view)> on_body;
  CancelToken cancel;
};

struct WebResponse {
  int status = 0;
  Headers headers;
  std::string body;  // where on_body is unset or the status is not 2xx
  std::string url;   // the last one, after redirects
};

struct WebClientOptions {
  bool insecure_tls = false;  // accept any certificate
  Path ca_file;               // more authorities (PEM)
  Path client_certificate;
  Path client_key;
  std::string user_agent;
  int connect_timeout_seconds = 15;
  int stall_timeout_seconds = 60;            // no byte for so long: kDeadlineExceeded
  int total_timeout_seconds = 0;             // of one request, all in all; 0: none
  size_t most_gathered = size_t{16} << 20U;  // bytes of a body that is gathered
  // Which addresses may be connected to, whatever names lead there; all where it is not set. Then
  // no proxy is used, since it would connect in our place.
  std::function<bool(const sockaddr&)> may_connect;
};

class WebClient {
 public:
  explicit WebClient(WebClientOptions options = {});
  ~WebClient();
  WebClient(WebClient&&) noexcept;

  // An Error only where no answer came; any status is an answer. kPermissionDenied where none of
  // the server's addresses may be connected to.
  Result<WebResponse> send(const WebRequest& request);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skiff::net
