// For tests of this folder: the API over an engine of real parts, served on a Unix socket; and
// short words for what a client asks.
#pragma once

#include "api/router.h"
#include "engine/test_engine.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace skiff::api {

struct Reply {
  int status = 0;
  net::Headers headers;
  std::string body;

  json::Value json() const { return json::parse(body).value_or(json::Value()); }
  // The text of an error's body, "" for another one.
  std::string message() const { return json().string("message"); }
};

using Fields = std::vector<std::pair<std::string, std::string>>;

class ApiTest : public engine::testing::EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (engine_ == nullptr) return;
    builder_ = *builder::open_builder({.root = dir_.path() / "builder",
                                       .run_dir = dir_.path() / "run/builder",
                                       .runtime_program = runtime::test::runtime_program(),
                                       .cgroup_parent = options_.cgroup_parent},
                                      *images_, *networks_);
    context_.reset(new Context{*engine_,
                               *images_,
                               *builder_,
                               *networks_,
                               {.root = dir_.path(), .run_dir = dir_.path() / "run", .id = "test"},
                               Clock::system()});
    server_ = std::make_unique<net::HttpServer>(make_handler(*context_), net::ServerOptions{});
    ASSERT_TRUE(server_->listen(*net::listen_unix(socket(), 0600)));
    thread_ = std::thread([this] { EXPECT_TRUE(server_->run()); });
  }
  void TearDown() override {
    stop_serving();
    builder_.reset();
    EngineTest::TearDown();
  }

  // Before what the handlers use goes: a client may have its answer while they still work.
  void stop_serving() {
    if (server_) server_->stop();
    if (thread_.joinable()) thread_.join();
    server_.reset();
  }

  std::string socket() const { return (dir_.path() / "api.sock").native(); }

  Reply call(const std::string& method, const std::string& target, std::string body = "",
             const Fields& fields = {}) {
    net::HttpClient http(net::make_plain_stream(*net::connect_unix(socket())));
    net::ClientRequest wanted{.method = method, .target = target, .body = std::move(body)};
    wanted.headers.set("Host", "x");
    for (const auto& [name, value] : fields) wanted.headers.add(name, value);
    auto response = http.send(wanted);
    EXPECT_TRUE(response) << method << " " << target << ": " << response.error().message();
    if (!response) return {};
    return {response->status, response->headers, *read_all(*response->body, size_t{64} << 20U)};
  }
  Reply get(const std::string& target) { return call("GET", target); }
  Reply post(const std::string& target, const std::string& body = "") {
    return call("POST", target, body, {{"Content-Type", "application/json"}});
  }

  std::unique_ptr<builder::Builder> builder_;
  std::unique_ptr<Context> context_;

 private:
  std::unique_ptr<net::HttpServer> server_;
  std::thread thread_;
};

}  // namespace skiff::api
