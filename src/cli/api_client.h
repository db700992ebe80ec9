// ApiClient: the daemon as the commands see it: JSON calls, streams, hijacked connections.
//
// Connects on first use to --host, SKIFF_HOST or DOCKER_HOST (unix:// or tcp://), else to
// /run/skiff/skiff.sock; when that default does not answer, starts skiffd. An answer of 400
// or more becomes an Error "Error response from daemon: MESSAGE". Not thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "codec/json.h"
#include "net/http_client.h"

namespace skiff::cli {

class ApiClient {
 public:
  explicit ApiClient(std::string host);
  ApiClient(ApiClient&&) noexcept;
  ApiClient& operator=(ApiClient&&) noexcept;
  ~ApiClient();

  Result<json::Value> get(const std::string& path);
  Result<json::Value> post(const std::string& path, const json::Value& body = {});
  Result<json::Value> remove(const std::string& path);
  // Any request; the body streamed. Valid until the next call on this client.
  Result<net::ClientResponse> send(const net::ClientRequest& request);
  // The answer as a stream of JSON objects, one a line.
  Result<> stream(const net::ClientRequest& request,
                  const std::function<Result<>(const json::Value&)>& each);
  // Attach and exec, on a connection of their own.
  Result<net::Hijacked> hijack(const std::string& path, const json::Value& body = {});
  // Whether the daemon is reached over a Unix socket.
  bool is_local() const { return host_.starts_with("unix://"); }
  // A second client of the same daemon, for calls beside a running stream.
  ApiClient another() const { return ApiClient(host_); }

 private:
  Result<net::HttpClient*> connection();
  Result<std::unique_ptr<net::Stream>> connect() const;
  std::string host_;
  std::unique_ptr<net::HttpClient> http_;
};

// "unix:///run/skiff/skiff.sock" or what the environment or `flag` says.
std::string daemon_host(const std::string& flag);
// "/v1.51" in front of every path.
inline constexpr std::string_view kApiPrefix = "/v1.51";

}  // namespace skiff::cli
