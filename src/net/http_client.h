// HttpClient: HTTP/1.1 over one Stream, for talking to the daemon (Unix socket, hijack).
// Registries are reached through web_client.h, which knows proxies, redirects and TLS.
//
//   HttpClient daemon(make_plain_stream(TRY(connect_unix(path))));
//   ClientResponse r = TRY(daemon.send({.method = "POST", .target = "/build", .stream = &tar}));
//   TRY(copy(*r.body, out));          // sends the rest of the tar meanwhile
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/http.h"
#include "net/http_server.h"
#include "net/stream.h"

namespace skiff::net {

struct ClientRequest {
  std::string method = "GET";
  std::string target;
  Headers headers;
  std::string body;  // sent with Content-Length
  // When set, sent chunked instead of `body`; must live until the answer's body has ended.
  // An answer that begins before the stream's end is returned at once; the rest is sent while
  // its body is read.
  Source* stream = nullptr;
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  // The body, streamed; valid until the next request on the client.
  Source* body = nullptr;
};

// The Error that an answer outside 2xx stands for: code from the status, text from the
// "message" of a JSON body, else the body, else the reason phrase.
Error error_of_response(int status, std::string_view body);

// Keeps its connection open between requests. Not thread-safe.
class HttpClient {
 public:
  explicit HttpClient(std::unique_ptr<Stream> stream);
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;

  // Any status is an answer; Errors mean that none came.
  Result<ClientResponse> send(const ClientRequest& request);
  // Sends with "Upgrade: tcp"; after 101 or 200 the connection is the caller's. Any other
  // status is returned as its Error (error_of_response).
  Result<Hijacked> upgrade(const ClientRequest& request);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skiff::net
