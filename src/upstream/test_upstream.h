// For tests of this folder: a registry of our own as the upstream, what stands between (it counts,
// and answers in its stead), and a second registry that keeps what it has.
#pragma once

#include <algorithm>
#include <condition_variable>

#include "net/test_server.h"
#include "registry/test_registry.h"
#include "upstream/pull_through.h"

namespace skiff::upstream {

using registry::Client;
using registry::Reply;
using registry::TestClock;

inline std::string test_bytes(size_t size, int seed = 0) {
  std::string bytes;
  for (uint64_t i = 0; bytes.size() < size; ++i) bytes += cat(seed, ":", i, " ");
  bytes.resize(size);
  return bytes;
}

// A door that requests wait at.
class Gate {
 public:
  void open() {
    std::lock_guard lock(mutex_);
    is_open_ = true;
    opened_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    came_.notify_all();
    opened_.wait(lock, [&] { return is_open_; });
  }
  void wait_for(int count) {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [&] { return waiting_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  std::condition_variable came_;
  bool is_open_ = false;
  int waiting_ = 0;
};

// The upstream, recording what it is asked.
class TestOrigin {
 public:
  explicit TestOrigin(const Path& root)
      : registry_(*registry::open_registry({.root = root, .collect_garbage = false}, clock_)),
        handler_(registry_->handler()),
        server_([this](net::Request& r, net::ResponseWriter& w) { handle(r, w); }) {}

  // Answers the request and says true, or leaves it to the registry.
  void instead(std::function<bool(net::Request&, net::ResponseWriter&)> answer) {
    std::lock_guard lock(mutex_);
    instead_ = std::move(answer);
  }
  std::string url() const { return cat("http://127.0.0.1:", server_.port()); }
  uint16_t port() const { return server_.port(); }
  void stop() { server_.stop(); }

  // How often it was asked by that method ("": any) for a path with that in it.
  size_t asked(std::string_view method, std::string_view part) {
    std::lock_guard lock(mutex_);
    return std::ranges::count_if(asked_, [&](const std::string& line) {
      return line.starts_with(method) && line.find(part) != std::string::npos;
    });
  }
  void forget() {
    std::lock_guard lock(mutex_);
    asked_.clear();
  }

 private:
  void handle(net::Request& request, net::ResponseWriter& writer) {
    std::function<bool(net::Request&, net::ResponseWriter&)> instead;
    {
      std::lock_guard lock(mutex_);
      asked_.push_back(cat(request.method, " ", request.target));
      instead = instead_;
    }
    if (!instead || !instead(request, writer)) handler_(request, writer);
  }

  TestClock clock_;
  std::unique_ptr<registry::Registry> registry_;
  net::Handler handler_;
  std::mutex mutex_;
  std::function<bool(net::Request&, net::ResponseWriter&)> instead_;
  std::vector<std::string> asked_;
  net::TestServer server_;  // last: stops before what its handler uses goes
};

// client() speaks to the registry that keeps; origin_ is named "up" there.
class UpstreamTest : public registry::RegistryTest {
 protected:
  UpstreamTest() {
    origin_options_ = *parse_origin(cat("up=", origin_.url()));
    origin_options_.client.retry_delay = std::chrono::milliseconds(1);
  }
  void SetUp() override {
    options_.upstreams = pull_through({.origins = {origin_options_}, .spool = dir_.path()});
    RegistryTest::SetUp();
  }
  // What the origin answers with belongs to the test: none of it is at work when the test goes.
  void TearDown() override {
    gate_.open();
    RegistryTest::TearDown();
    origin_.stop();
  }
  // As those that push to the upstream itself.
  Client upstream() const { return Client(origin_.port()); }
  std::string push_upstream(const std::string& repository, const std::string& tag,
                            const std::string& config, const std::vector<std::string>& layers) {
    Client to = upstream();
    to.push_blob(repository, config);
    for (const std::string& layer : layers) to.push_blob(repository, layer);
    const Reply reply = to.put_manifest(repository, tag, registry::image_of(config, layers));
    EXPECT_EQ(reply.status, 201) << reply.body;
    return reply.header("Docker-Content-Digest");
  }
  // The whole image through the registry that keeps, all of it right.
  void pull(const std::string& repository, const std::string& tag,
            const std::vector<std::string>& blobs) {
    const Reply manifest = client().get(registry::manifest_path(repository, tag));
    EXPECT_EQ(manifest.status, 200) << manifest.body;
    for (const std::string& blob : blobs) {
      const Reply got = client().get(registry::blob_path(repository, oci::Digest::of(blob).str()));
      EXPECT_EQ(got.status, 200) << got.body;
      EXPECT_EQ(got.body, blob);
    }
  }

  // Before the origin: its requests may still be in the door when a test ends.
  Gate gate_;
  TempDir origin_dir_ = *TempDir::make("/tmp", "skiff-origin-");
  TestOrigin origin_{origin_dir_.path() / "registry"};
  OriginOptions origin_options_;
};

}  // namespace skiff::upstream
