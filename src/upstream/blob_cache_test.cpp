#include <thread>

#include "upstream/eviction.h"
#include "upstream/test_upstream.h"

namespace skiff::upstream {
namespace {

using registry::blob_path;
using registry::manifest_path;

class BlobCacheTest : public UpstreamTest {
 protected:
  BlobCacheTest() {
    push_upstream("a/b", "1", "config", {layer_});
    origin_.forget();
  }

  // The upstream gives the first `some` bytes of the blob, then does `then`.
  void give(size_t some, std::function<void()> then) {
    origin_.instead([this, some, then](net::Request& r, net::ResponseWriter& w) {
      if (r.method != "GET" || r.path != blob_path("a/b", digest_)) return false;
      w.headers().set("Content-Length", cat(layer_.size()));
      EXPECT_TRUE(w.begin(200));
      EXPECT_TRUE(w.write(std::string_view(layer_).substr(0, some)));
      then();
      if (some == layer_.size()) {
        EXPECT_TRUE(w.finish());
      }
      return true;
    });
  }
  const std::string path() const { return blob_path("up/a/b", digest_); }
  // Status and body, as far as it came; calls `begun` between the two.
  std::pair<int, std::string> read(
      const std::string& target, const std::function<void()>& begun = [] {}) const {
    net::HttpClient http(net::make_plain_stream(*net::connect_tcp("127.0.0.1", port())));
    net::ClientRequest request{.method = "GET", .target = target};
    request.headers.set("Host", "127.0.0.1");
    auto response = http.send(request);
    begun();
    if (!response) return {0, ""};
    std::string body;
    std::vector<char> buffer(65536);
    for (;;) {
      const auto n = response->body->read(buffer);
      if (!n) return {response->status, body + " broken off"};
      if (*n == 0) return {response->status, body};
      body.append(buffer.data(), *n);
    }
  }

  const std::string layer_ = test_bytes(1'000'000);
  const std::string digest_ = oci::Digest::of(layer_).str();
};

TEST_F(BlobCacheTest, ManyWhoWantItAtOnceCauseOneFetch) {
  origin_.instead([&](net::Request& r, net::ResponseWriter&) {
    if (r.method == "GET" && r.path == blob_path("a/b", digest_)) gate_.pass();
    return false;
  });
  constexpr int kPullers = 50;
  std::atomic<int> right = 0;
  std::vector<std::jthread> pullers;
  for (int i = 0; i < kPullers; ++i) {
    pullers.emplace_back([&] {
      Client puller(port());
      EXPECT_EQ(puller.get(manifest_path("up/a/b", "1")).status, 200);
      if (puller.get(path()).body == layer_) ++right;
    });
  }
  gate_.wait_for(1);
  gate_.open();
  pullers.clear();
  EXPECT_EQ(right, kPullers);
  EXPECT_EQ(origin_.asked("GET", "/blobs/"), 1);
  EXPECT_EQ(origin_.asked("GET", "/manifests/"), 1);
}

TEST_F(BlobCacheTest, ItIsReadWhileItComes) {
  give(500'000, [&] { gate_.pass(); });
  net::HttpClient http(net::make_plain_stream(*net::connect_tcp("127.0.0.1", port())));
  net::ClientRequest request{.method = "GET", .target = path()};
  request.headers.set("Host", "127.0.0.1");
  auto response = http.send(request);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->headers.get("Content-Length"), cat(layer_.size()));
  std::vector<char> buffer(400'000);
  ASSERT_EQ(*read_full(*response->body, buffer), buffer.size());
  EXPECT_EQ(std::string_view(buffer.data(), buffer.size()),
            std::string_view(layer_).substr(0, 400'000));
  // The rest comes by a second request, of what is not there yet.
  origin_.instead({});
  gate_.open();
  EXPECT_EQ(*read_all(*response->body, layer_.size()), layer_.substr(400'000));
}

TEST_F(BlobCacheTest, TheLastOneToLeaveDoesNotStopIt) {
  origin_.instead([&](net::Request& r, net::ResponseWriter&) {
    if (r.method == "GET" && r.path == blob_path("a/b", digest_)) gate_.pass();
    return false;
  });
  {
    auto stream = net::make_plain_stream(*net::connect_tcp("127.0.0.1", port()));
    ASSERT_TRUE(stream->write(cat("GET ", path(), " HTTP/1.1\r\nHost: a\r\n\r\n")));
    gate_.wait_for(1);
  }
  gate_.open();
  EXPECT_EQ(client().get(path()).body, layer_);
  EXPECT_EQ(origin_.asked("GET", "/blobs/"), 1);
}

TEST_F(BlobCacheTest, WrongBytesBreakTheConnectionAndStayNowhere) {
  std::string wrong = layer_;
  wrong.back() ^= 1;
  origin_.instead([&](net::Request& r, net::ResponseWriter& w) {
    if (r.method != "GET") return false;
    w.headers().set("Content-Length", cat(wrong.size()));
    EXPECT_TRUE(w.begin(200));
    EXPECT_TRUE(w.write(std::string_view(wrong).substr(0, 500'000)));
    gate_.pass();  // what is wrong before the answer has begun is an error
    EXPECT_TRUE(w.write(std::string_view(wrong).substr(500'000)));
    EXPECT_TRUE(w.finish());
    return true;
  });
  const auto [status, body] = read(path(), [&] { gate_.open(); });
  EXPECT_EQ(status, 200);
  ASSERT_TRUE(body.ends_with(" broken off"));
  EXPECT_LT(body.size() - std::string_view(" broken off").size(), layer_.size());
  origin_.instead({});
  EXPECT_EQ(client().get(blob_path("up/a/b", oci::Digest::of(wrong).str())).status, 404);
  EXPECT_EQ(client().get(path()).body, layer_);
}

TEST_F(BlobCacheTest, WrongBytesOfASmallOneAreAnError) {
  origin_.instead([&](net::Request& r, net::ResponseWriter& w) {
    if (r.method != "GET") return false;
    EXPECT_TRUE(w.send(200, "application/octet-stream", "cinfog"));
    return true;
  });
  const std::string config = blob_path("up/a/b", oci::Digest::of("config").str());
  EXPECT_EQ(client().get(config).status, 502);
  origin_.instead({});
  EXPECT_EQ(client().get(config).body, "config");
}

TEST_F(BlobCacheTest, AnUpstreamThatDiesInTheMiddleBreaksTheConnection) {
  // What breaks before the answer has begun is an error, not a broken answer.
  give(500'000, [&] {
    gate_.pass();
    origin_.instead([](net::Request&, net::ResponseWriter& w) {
      EXPECT_TRUE(w.send(503, "text/plain", ""));
      return true;
    });
  });
  const auto [status, body] = read(path(), [&] { gate_.open(); });
  EXPECT_EQ(status, 200);
  EXPECT_TRUE(body.ends_with(" broken off"));
  EXPECT_EQ(client().get(path()).status, 502);
  origin_.instead({});
  EXPECT_EQ(client().get(path()).body, layer_);
}

TEST_F(BlobCacheTest, AnUpstreamThatComesBackIsAskedForTheRest) {
  give(500'000, [&] { origin_.instead({}); });
  EXPECT_EQ(client().get(path()).body, layer_);
  EXPECT_EQ(origin_.asked("GET", "/blobs/"), 2);
}

TEST_F(BlobCacheTest, Ranges) {
  const auto part = [&](const std::string& range) {
    return client().get(path(), {{"Range", range}});
  };
  const Reply middle = part("bytes=100000-300000");
  EXPECT_EQ(middle.status, 206);
  EXPECT_EQ(middle.header("Content-Range"), "bytes 100000-300000/1000000");
  EXPECT_EQ(middle.body, layer_.substr(100'000, 200'001));
  EXPECT_EQ(part("bytes=999990-").body, layer_.substr(999'990));
  EXPECT_EQ(part("bytes=1000000-").status, 416);
  EXPECT_EQ(origin_.asked("GET", "/blobs/"), 1);
}

TEST_F(BlobCacheTest, TheEndIsARangeAsWell) {
  EXPECT_EQ(client().get(path(), {{"Range", "bytes=600000-"}}).body, layer_.substr(600'000));
}

TEST_F(BlobCacheTest, NothingIsFetchedForAHead) {
  const Reply head = client().head(path());
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Length"), cat(layer_.size()));
  EXPECT_EQ(head.header("Docker-Content-Digest"), digest_);
  EXPECT_EQ(origin_.asked("GET", "/blobs/"), 0);
  EXPECT_EQ(client().head(blob_path("up/a/b", oci::Digest::of("no").str())).status, 404);
}

TEST_F(BlobCacheTest, TheSameBlobOfAnotherRepositoryIsNotFetchedAgain) {
  push_upstream("c", "1", "config", {layer_});
  EXPECT_EQ(client().get(path()).body, layer_);
  EXPECT_EQ(client().get(blob_path("up/c", digest_)).body, layer_);
  EXPECT_EQ(origin_.asked("GET", "/blobs/"), 1);
  // But only where the upstream says that it has it there.
  EXPECT_EQ(client().get(blob_path("up/d", digest_)).status, 404);
}

TEST_F(BlobCacheTest, ADamagedOneIsFetchedAgain) {
  EXPECT_EQ(client().get(path()).body, layer_);
  const std::string hex = digest_.substr(digest_.find(':') + 1);
  const Path file = options_.root / "content/blobs/sha256" / hex.substr(0, 2) / hex;
  ASSERT_TRUE(std::filesystem::remove(file));
  EXPECT_EQ(client().get(path()).body, layer_);
  EXPECT_EQ(origin_.asked("GET", "/blobs/"), 2);
}

TEST_F(BlobCacheTest, AnEmptyBlob) {
  Client up = upstream();
  up.push_blob("a/b", "");
  const Reply got = client().get(blob_path("up/a/b", oci::Digest::of("").str()));
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, "");
}

TEST_F(BlobCacheTest, ItStopsWhileABlobComes) {
  give(500'000, [&] { gate_.pass(); });
  auto stream = net::make_plain_stream(*net::connect_tcp("127.0.0.1", port()));
  ASSERT_TRUE(stream->write(cat("GET ", path(), " HTTP/1.1\r\nHost: a\r\n\r\n")));
  gate_.wait_for(1);
  stop();
  gate_.open();
}

class EvictionTest : public UpstreamTest {
 protected:
  EvictionTest() {
    options_.metadata.grace = std::chrono::seconds(60);
    for (const std::string name : {"x", "y", "z"}) {
      layers_[name] = test_bytes(100'000, name.front());
      push_upstream(name, "1", cat("config ", name), {layers_[name], shared_});
    }
  }
  void pull_image(const std::string& name) {
    pull(cat("up/", name), "1", {layers_[name], shared_});
  }
  void evict() {
    const Result<size_t> gone = eviction().make_room();
    EXPECT_TRUE(gone) << gone.error().message();
  }
  // All that is due now, more than once since one review makes others due.
  void make_room() {
    evict();
    clock_.advance(std::chrono::minutes(2));
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(registry_->collect_garbage());
  }
  registry::MetadataStore& metadata();
  Eviction& eviction();
  bool is_kept(const std::string& name) {
    origin_.forget();
    pull_image(name);
    return origin_.asked("GET", "/blobs/") == 0;
  }

  uint64_t limit_ = 250'000;
  const std::string shared_ = test_bytes(20'000, 7);
  std::map<std::string, std::string> layers_;
  std::unique_ptr<registry::MetadataStore> metadata_;
  std::unique_ptr<Eviction> eviction_;
};

registry::MetadataStore& EvictionTest::metadata() {
  if (!metadata_) metadata_ = open_metadata(options_.metadata);
  return *metadata_;
}

// One of the test's own, on the registry's database: that has none, since its size has no limit.
// It makes room by itself, too, when it begins.
Eviction& EvictionTest::eviction() {
  if (!eviction_) eviction_ = std::make_unique<Eviction>(metadata(), limit_, "here", clock_);
  return *eviction_;
}

TEST_F(EvictionTest, TheLeastRecentlyUsedGoes) {
  pull_image("x");
  clock_.advance(std::chrono::minutes(10));
  pull_image("y");
  clock_.advance(std::chrono::minutes(10));
  pull_image("x");
  clock_.advance(std::chrono::minutes(10));
  pull_image("z");
  clock_.advance(std::chrono::minutes(10));
  make_room();
  EXPECT_TRUE(is_kept("x"));
  EXPECT_TRUE(is_kept("z"));
  EXPECT_FALSE(is_kept("y"));
}

TEST_F(EvictionTest, OneServerMakesRoomAtATime) {
  for (const std::string name : {"x", "y", "z"}) pull_image(name);
  clock_.advance(std::chrono::minutes(10));
  ASSERT_TRUE(*metadata().claim("cache", "another", clock_.now() + std::chrono::seconds(60)));
  evict();
  EXPECT_GT(*metadata().cached_bytes(), limit_);
  ASSERT_TRUE(metadata().give_up_claim("cache", "another"));
  evict();
  EXPECT_LE(*metadata().cached_bytes(), limit_);
}

TEST_F(EvictionTest, WhatIsInUseStays) {
  for (const std::string name : {"x", "y", "z"}) pull_image(name);
  make_room();
  for (const std::string name : {"x", "y", "z"}) EXPECT_TRUE(is_kept(name));
}

TEST_F(EvictionTest, WhatWasPushedHereStays) {
  push_image("mine", "1", "config", {layers_["x"], test_bytes(400'000, 9)});
  for (const std::string name : {"x", "y", "z"}) pull_image(name);
  clock_.advance(std::chrono::hours(2));
  make_room();
  EXPECT_EQ(client().get(blob_path("mine", oci::Digest::of(layers_["x"]).str())).body,
            layers_["x"]);
  EXPECT_EQ(client().get(manifest_path("mine", "1")).status, 200);
}

TEST_F(EvictionTest, PullsBesideItDoNotFail) {
  limit_ = 100'000;
  std::atomic<bool> is_over = false;
  std::atomic<size_t> evicted = 0;
  std::jthread evicting([&] {
    Eviction& own = eviction();
    while (!is_over) {
      const auto gone = own.make_room();
      EXPECT_TRUE(gone);
      evicted += gone.value_or(0);
      EXPECT_TRUE(registry_->collect_garbage());
    }
  });
  std::vector<std::jthread> pullers;
  for (const std::string name : {"x", "y", "z"}) {
    pullers.emplace_back([&, name] {
      while (evicted < 6) {
        // Ten minutes each in turn: what was always in use would never go.
        const int64_t turn = unix_seconds(clock_.now()) / 600 % 3;
        if (turn != name.front() - 'x') {
          std::this_thread::yield();
          continue;
        }
        Client puller(port());
        EXPECT_EQ(puller.get(manifest_path(cat("up/", name), "1")).status, 200);
        const auto digest = oci::Digest::of(layers_[name]).str();
        EXPECT_EQ(puller.get(blob_path(cat("up/", name), digest)).body, layers_[name]);
        // By pulls, not by itself: a pull takes no minutes, however busy the machine is.
        clock_.advance(std::chrono::seconds(20));
      }
    });
  }
  pullers.clear();
  is_over = true;
}

}  // namespace
}  // namespace skiff::upstream
