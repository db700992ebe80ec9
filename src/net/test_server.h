// For tests of this folder: a server on a Unix socket and a loopback port of its own, and
// raw talk to it. Stops with the object.
#pragma once

#include <gtest/gtest.h>

#include <thread>

#include "base/file.h"
#include "base/strings.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/stream.h"

namespace skiff::net {

class TestServer {
 public:
  // Servers from now on read heads in their own thread, and answer nothing in it.
  static inline bool loop_reads_heads = false;

  explicit TestServer(Handler handler, ServerOptions options = {})
      : dir_(*TempDir::make("/tmp", "skiff-net-")),
        server_(std::move(handler), with_default_quick(std::move(options))) {
    auto tcp = listen_tcp("127.0.0.1:0");
    port_ = *local_port(tcp->get());
    EXPECT_TRUE(server_.listen(std::move(*tcp)));
    EXPECT_TRUE(server_.listen(*listen_unix(path())));
    thread_ = std::thread([this] {
      auto done = server_.run();
      EXPECT_TRUE(done) << done.error().message();
    });
  }
  ~TestServer() { stop(); }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  void stop() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  // As HttpServer has it.
  Result<> reload_certificate() { return server_.reload_certificate(); }

  Path path() const { return dir_.path() / "s.sock"; }
  uint16_t port() const { return port_; }
  const Path& dir() const { return dir_.path(); }
  std::string url(std::string_view rest) const { return cat("http://127.0.0.1:", port_, rest); }

  std::unique_ptr<Stream> connect() const { return make_plain_stream(*connect_unix(path())); }
  std::unique_ptr<Stream> connect_port() const {
    return make_plain_stream(*connect_tcp("127.0.0.1", port_));
  }
  HttpClient client() const { return HttpClient(connect()); }

  // Sends `text` as it stands and returns all that comes until the server closes.
  std::string talk(std::string_view text) const {
    auto stream = connect_port();
    EXPECT_TRUE(stream->write(text));
    return read_all(*stream, size_t{1} << 24U).value_or("");
  }

 private:
  static ServerOptions with_default_quick(ServerOptions options) {
    if (loop_reads_heads && !options.quick) options.quick = [](const Request&) { return false; };
    return options;
  }

  TempDir dir_;
  HttpServer server_;
  uint16_t port_ = 0;
  std::thread thread_;
};

// A suite in both ways of reading heads: by the thread that answers, and by the server's own.
class BothReadings : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override { TestServer::loop_reads_heads = GetParam(); }
  void TearDown() override { TestServer::loop_reads_heads = false; }
};
inline std::string reading_name(const ::testing::TestParamInfo<bool>& each) {
  return each.param ? "ReadByTheLoop" : "ReadByWorkers";
}

inline std::string body_of(ClientResponse& response) {
  return read_all(*response.body, size_t{1} << 28U).value_or("(error)");
}

// Answers with what it was asked.
inline void echo(Request& request, ResponseWriter& w) {
  const std::string body = read_all(*request.body, size_t{1} << 28U).value_or("(error)");
  [[maybe_unused]] auto sent =
      w.send(200, "text/plain", cat(request.method, " ", request.path, " ", body));
}

}  // namespace skiff::net
