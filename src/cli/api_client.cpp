#include "cli/api_client.h"

#include <unistd.h>

#include <cstdlib>

#include "base/default_places.h"
#include "base/strings.h"
#include "cli/daemon_start.h"

namespace skiff::cli {

namespace {

constexpr size_t kMaxJson = size_t{64} << 20U;

// The system's daemon, where an ordinary user may talk to it and runs none.
std::string default_host() {
  const Path system = system_places().socket;
  const Result<DefaultPlaces> own = default_places();
  const bool chooses = own && own->socket != system;
  const bool is_own = chooses && (::access(own->socket.c_str(), F_OK) == 0 ||
                                  ::access(system.c_str(), R_OK | W_OK) != 0);
  return cat("unix://", is_own ? own->socket.native() : system.native());
}

Error no_daemon(const std::string& host) {
  return Error(Code::kUnavailable, cat("Cannot connect to the Skiff daemon at ", host,
                                       ". Is the skiff daemon running?"));
}

Result<json::Value> decode(net::ClientResponse& response) {
  std::string text = TRY(read_all(*response.body, kMaxJson));
  if (trim(text).empty()) return json::Value();
  return TRY_CONTEXT(json::parse(text), "answer of the daemon");
}

}  // namespace

std::string daemon_host(const std::string& flag) {
  if (!flag.empty()) return flag;
  for (const char* name : {"SKIFF_HOST", "DOCKER_HOST"}) {
    const char* value = ::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return default_host();
}

ApiClient::ApiClient(std::string host) : host_(std::move(host)) {}
ApiClient::ApiClient(ApiClient&&) noexcept = default;
ApiClient& ApiClient::operator=(ApiClient&&) noexcept = default;
ApiClient::~ApiClient() = default;

Result<std::unique_ptr<net::Stream>> ApiClient::connect() const {
  std::string_view host = host_;
  if (host.starts_with("tcp://")) {
    auto parts = split_last(host.substr(6), ':');
    auto port = parts ? parse_uint(parts->second) : std::nullopt;
    if (!port)
      return Error(Code::kInvalidArgument, cat("invalid host ", host_, ": tcp://HOST:PORT"));
    auto socket = net::connect_tcp(std::string(parts->first), static_cast<uint16_t>(*port));
    if (!socket) return no_daemon(host_);
    return net::make_plain_stream(std::move(*socket));
  }
  if (!host.starts_with("unix://")) {
    return Error(Code::kInvalidArgument,
                 cat("unable to parse docker host `", host_, "`: use unix:// or tcp://"));
  }
  Path path = host.substr(7);
  auto socket = net::connect_unix(path);
  if (!socket && host_ == default_host()) {
    fputs("No skiff daemon runs: starting one.\n", stderr);
    TRY(start_daemon(path));
    socket = net::connect_unix(path);
  }
  if (!socket) return no_daemon(host_);
  return net::make_plain_stream(std::move(*socket));
}

Result<net::HttpClient*> ApiClient::connection() {
  if (!http_) http_ = std::make_unique<net::HttpClient>(TRY(connect()));
  return http_.get();
}

Result<net::ClientResponse> ApiClient::send(const net::ClientRequest& request) {
  net::ClientRequest versioned = request;
  versioned.target = cat(kApiPrefix, request.target);
  versioned.headers.set("Host", "skiff");
  versioned.headers.set("User-Agent", "skiff/" SKIFF_VERSION);
  auto response = TRY(TRY(connection())->send(versioned));
  if (response.status < 400) return response;
  std::string message;
  if (auto body = decode(response)) message = body->string("message");
  http_.reset();  // a refused upload may have left it in the middle of the request
  Code code = response.status == 404 ? Code::kNotFound : Code::kUnknown;
  if (message.empty()) message = cat("HTTP status ", response.status);
  return Error(code, cat("Error response from daemon: ", message));
}

static net::ClientRequest make_request(std::string method, std::string target,
                                       const json::Value& body) {
  net::ClientRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  if (!body.is_null()) {
    request.body = body.dump();
    request.headers.set("Content-Type", "application/json");
  }
  return request;
}

Result<json::Value> ApiClient::get(const std::string& path) {
  auto response = TRY(send(make_request("GET", path, {})));
  return decode(response);
}

Result<json::Value> ApiClient::post(const std::string& path, const json::Value& body) {
  auto response = TRY(send(make_request("POST", path, body)));
  return decode(response);
}

Result<json::Value> ApiClient::remove(const std::string& path) {
  auto response = TRY(send(make_request("DELETE", path, {})));
  return decode(response);
}

Result<> ApiClient::stream(const net::ClientRequest& request,
                           const std::function<Result<>(const json::Value&)>& each) {
  auto response = TRY(send(request));
  std::string pending;
  char buffer[16384];
  for (;;) {
    size_t n = TRY(response.body->read(buffer));
    if (n == 0) break;
    pending.append(buffer, n);
    size_t start = 0;
    for (size_t end = 0; (end = pending.find('\n', start)) != std::string::npos; start = end + 1) {
      std::string_view line = trim(std::string_view(pending).substr(start, end - start));
      if (!line.empty()) TRY(each(TRY_CONTEXT(json::parse(line), "answer of the daemon")));
    }
    pending.erase(0, start);
  }
  if (trim(pending).empty()) return {};
  return each(TRY_CONTEXT(json::parse(pending), "answer of the daemon"));
}

Result<net::Hijacked> ApiClient::hijack(const std::string& path, const json::Value& body) {
  net::ClientRequest request = make_request("POST", cat(kApiPrefix, path), body);
  request.headers.set("Host", "skiff");
  net::HttpClient http(TRY(connect()));
  auto taken = http.upgrade(request);
  if (!taken) return std::move(taken.error()).with_context("Error response from daemon");
  return taken;
}

}  // namespace skiff::cli
