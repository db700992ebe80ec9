// Registries that have their blobs in an S3 store that runs (test_store.h): two nodes with one
// metadata store.
#include "base/random.h"
#include "dying_blobs.h"
#include "registry/backup.h"
#include "registry/test_registry.h"
#include "test_store.h"

namespace skiff::registry {
namespace {

using std::chrono::seconds;

constexpr size_t kMiB = size_t{1} << 20U;

class Node {
 public:
  Node(const RegistryOptions& options, const Clock& clock)
      : registry_(*open_registry(options, clock)),
        server_(registry_->handler(), net::ServerOptions{}) {
    auto socket = net::listen_tcp("127.0.0.1:0");
    const uint16_t port = *net::local_port(socket->get());
    EXPECT_TRUE(server_.listen(std::move(*socket)));
    thread_ = std::thread([this] { EXPECT_TRUE(server_.run()); });
    client_ = std::make_unique<Client>(port);
  }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node() {
    client_.reset();
    server_.stop();
    thread_.join();
  }
  Client* operator->() { return client_.get(); }
  Registry& registry() { return *registry_; }

 private:
  std::unique_ptr<Registry> registry_;
  net::HttpServer server_;
  std::thread thread_;
  std::unique_ptr<Client> client_;
};

class S3Registry : public testing::Test {
 protected:
  S3Registry() {
    options_.root = dir_.path() / "registry";
    options_.collect_garbage = false;
    options_.s3 =
        S3Options{.bucket = s3::store_options(), .prefix = cat("registries/", random_hex(8), "/")};
  }
  void SetUp() override {
    for (auto& node : nodes_) node = std::make_unique<Node>(options_, clock_);
  }
  Node& first() { return *nodes_[0]; }
  Node& second() { return *nodes_[1]; }
  std::vector<std::string> objects() const {
    std::vector<std::string> keys;
    const auto listed = s3::Bucket::open(s3::store_options())->list(options_.s3->prefix);
    for (const auto& object : listed->objects) keys.push_back(object.key);
    return keys;
  }
  std::vector<Problem> check(const CheckOptions& options) {
    std::vector<Problem> problems;
    const auto checked =
        second().registry().check(options, [&](const Problem& p) { problems.push_back(p); }, {});
    EXPECT_TRUE(checked) << checked.error().message();
    return problems;
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-s3-registry-");
  RegistryOptions options_;
  TestClock clock_;
  std::unique_ptr<Node> nodes_[2];
};

TEST_F(S3Registry, WhatOneNodeTakesAllServe) {
  const std::string layer = random_bytes(9 * kMiB);
  const std::string digest = first()->push_blob("a", layer);
  first()->push_blob("a", "{}");
  ASSERT_EQ(first()->put_manifest("a", "1", image_of("{}", {layer})).status, 201);
  EXPECT_EQ(second()->get(manifest_path("a", "1")).status, 200);
  const std::string path = blob_path("a", digest);
  const Reply head = second()->head(path);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Length"), cat(layer.size()));
  EXPECT_TRUE(second()->get(path).body == layer);
  const Reply part =
      second()->get(path, {{"Range", cat("bytes=", 8 * kMiB - 2, "-", 8 * kMiB + 1)}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, layer.substr(8 * kMiB - 2, 4));
  EXPECT_EQ(second()->get(path, {{"Range", cat("bytes=", layer.size(), "-")}}).status, 416);
  EXPECT_EQ(second()->get(path, {{"If-None-Match", cat("\"", digest, "\"")}}).status, 304);
  // Mounted, it is nowhere twice.
  const size_t before = objects().size();
  EXPECT_EQ(second()->call("POST", cat("/v2/b/blobs/uploads/?mount=", digest, "&from=a")).status,
            201);
  EXPECT_EQ(objects().size(), before);
  EXPECT_TRUE(first()->get(blob_path("b", digest)).body == layer);
}

TEST_F(S3Registry, AnUploadGoesFromNodeToNode) {
  const std::string bytes = random_bytes(20 * kMiB);
  const std::string location = first()->start("a");
  size_t done = 0;
  for (Node* node : {&first(), &second(), &first(), &second()}) {
    const Reply state = (*node)->get(location);
    EXPECT_EQ(state.status, 204);
    EXPECT_EQ(state.header("Range"), cat("0-", done == 0 ? 0 : done - 1));
    const Reply reply = (*node)->call("PATCH", location, bytes.substr(done, 5 * kMiB));
    ASSERT_EQ(reply.status, 202) << reply.body;
    done += 5 * kMiB;
  }
  const std::string digest = oci::Digest::of(bytes).str();
  ASSERT_EQ(first()->call("PUT", cat(location, "?digest=", digest)).status, 201);
  EXPECT_EQ(second()->get(location).status, 404);
  EXPECT_TRUE(second()->get(blob_path("a", digest)).body == bytes);
}

TEST_F(S3Registry, OtherBytesAreNoBlob) {
  const std::string wanted = oci::Digest::of("wanted").str();
  const Reply reply = first()->call("POST", cat("/v2/a/blobs/uploads/?digest=", wanted), "others");
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.error(), "DIGEST_INVALID");
  EXPECT_EQ(second()->head(blob_path("a", wanted)).status, 404);
}

// By any node; and what came again is not taken away with what it was before.
TEST_F(S3Registry, GarbageGoesAndWhatCameAgainStays) {
  const std::string digest = first()->push_blob("a", "first");
  const auto before = objects();
  ASSERT_EQ(before.size(), 1U);
  ASSERT_EQ(second()->remove(blob_path("a", digest)).status, 202);
  clock_.advance(options_.metadata.grace + seconds(1));
  EXPECT_EQ(*second().registry().collect_garbage(), 1U);
  EXPECT_EQ(first()->head(blob_path("a", digest)).status, 404);
  EXPECT_EQ(objects(), before);  // who was told of it may be reading
  first()->push_blob("a", "first");
  clock_.advance(options_.metadata.grace + seconds(1));
  EXPECT_TRUE(second().registry().collect_garbage());
  const auto after = objects();
  ASSERT_EQ(after.size(), 1U);
  EXPECT_NE(after, before);
  // Its lease is over, and nothing names it: it goes, too.
  EXPECT_EQ(second()->get(blob_path("a", digest)).status, 404);
  clock_.advance(options_.metadata.grace + seconds(1));
  EXPECT_TRUE(first().registry().collect_garbage());
  EXPECT_TRUE(objects().empty());
}

TEST_F(S3Registry, NothingStaysOfUploadsThatNobodyEnds) {
  const std::string cancelled = first()->start("a");
  first()->call("PATCH", cancelled, random_bytes(9 * kMiB));
  EXPECT_EQ(second()->remove(cancelled).status, 204);
  const std::string abandoned = first()->start("a");
  first()->call("PATCH", abandoned, random_bytes(9 * kMiB));
  EXPECT_EQ(objects().size(), 2U);
  clock_.advance(options_.upload_age + seconds(1));
  EXPECT_TRUE(second().registry().collect_garbage());
  clock_.advance(options_.metadata.grace + seconds(1));
  EXPECT_TRUE(second().registry().collect_garbage());
  EXPECT_TRUE(objects().empty());
  EXPECT_EQ(first()->get(abandoned).status, 404);
}

TEST_F(S3Registry, WhatTheStoreLostIsBroughtBackByAPush) {
  const std::string digest = first()->push_blob("a", "bytes");
  const std::string path = blob_path("a", digest);
  ASSERT_TRUE(s3::Bucket::open(s3::store_options())->remove(objects().front()));
  EXPECT_EQ(second()->get(path).status, 404);
  const auto problems = check({});
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems[0].what.find("its object is gone"), std::string::npos) << problems[0].what;
  first()->push_blob("a", "bytes");
  EXPECT_EQ(second()->get(path).body, "bytes");
  EXPECT_TRUE(check({.deep = true}).empty());
}

// Whichever node reads it again.
TEST_F(S3Registry, WhatTheStoreChangedIsFoundAndBroughtBackByAPush) {
  const std::string digest = first()->push_blob("a", "bytes");
  const std::string path = blob_path("a", digest);
  const s3::Bucket bucket = *s3::Bucket::open(s3::store_options());
  ASSERT_TRUE(bucket.put(objects().front(), "bytez"));
  EXPECT_TRUE(check({}).empty());
  std::vector<std::string> told;
  const auto tell = [&](const Error& error) { told.push_back(error.message()); };
  const auto read = second().registry().scrub({.unread_since = clock_.now()}, tell, {});
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->blobs, 1U);
  EXPECT_EQ(read->damaged, 1U);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_NE(told[0].find(digest), std::string::npos) << told[0];
  EXPECT_EQ(first()->head(path).status, 404);
  EXPECT_EQ(first()->get(path).status, 404);
  ASSERT_EQ(check({}).size(), 1U);
  first()->push_blob("a", "bytes");
  EXPECT_EQ(second()->get(path).body, "bytes");
  EXPECT_TRUE(check({.deep = true}).empty());
}

TEST_F(S3Registry, AScrubGoesOnWhereAnotherNodeWasBrokenOff) {
  for (const char* bytes : {"one", "two", "three"}) first()->push_blob("a", bytes);
  const s3::Bucket bucket = *s3::Bucket::open(s3::store_options());
  for (const std::string& object : objects()) ASSERT_TRUE(bucket.put(object, "?"));
  CancelSource cancel;
  size_t found = 0;
  const auto stop = [&](const Error&) {
    ++found;
    cancel.cancel();
  };
  const TimePoint begin = clock_.now();
  EXPECT_FALSE(first().registry().scrub({.unread_since = begin}, stop, cancel.token()));
  EXPECT_EQ(found, 1U);
  const auto rest = second().registry().scrub({.unread_since = begin}, [](const Error&) {}, {});
  ASSERT_TRUE(rest) << rest.error().message();
  EXPECT_EQ(rest->blobs, 2U);
  EXPECT_EQ(rest->damaged, 2U);
  // All was read since then.
  EXPECT_EQ(first().registry().scrub({.unread_since = begin}, [](const Error&) {}, {})->blobs, 0U);
  clock_.advance(seconds(1));
  EXPECT_EQ(
      first().registry().scrub({.unread_since = clock_.now()}, [](const Error&) {}, {})->damaged,
      3U);
}

TEST_F(S3Registry, ACheckFindsWhatNobodyHas) {
  first()->push_blob("a", "bytes");
  const std::string upload = first()->start("a");
  first()->call("PATCH", upload, "half");
  EXPECT_TRUE(check({.deep = true}).empty());
  const std::string stray = cat(options_.s3->prefix, "blobs/00/", std::string(32, '0'));
  ASSERT_TRUE(s3::Bucket::open(s3::store_options())->put(stray, "stray"));
  EXPECT_EQ(check({.repair = true}).size(), 1U);
  EXPECT_TRUE(check({.deep = true}).empty());
  EXPECT_EQ(objects().size(), 2U);
}

TEST_F(S3Registry, ABackupHasTheRecordsAndTheBucketTheBlobs) {
  const std::string digest = first()->push_blob("a", "layer");
  first()->push_blob("a", "{}");
  ASSERT_EQ(first()->put_manifest("a", "1", image_of("{}", {"layer"})).status, 201);
  const Path to = dir_.path() / "backup";
  {
    const auto hold = first().registry().hold_removals();
    const auto made = backup::make(options_.root, to, {});
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(made->elsewhere, 2U);
    EXPECT_EQ(made->blobs, 0U);
  }
  RegistryOptions restored = options_;
  restored.root = dir_.path() / "restored";
  const auto done = backup::restore(to, restored.root, {});
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(done->elsewhere, 2U);
  nodes_[1] = std::make_unique<Node>(restored, clock_);
  EXPECT_EQ(second()->get(manifest_path("a", "1")).status, 200);
  EXPECT_EQ(second()->get(blob_path("a", digest)).body, "layer");
  EXPECT_TRUE(check({.deep = true}).empty());
}

// Out of the bucket into files, and from there into another one.
TEST_F(S3Registry, AMoveIsABackupAndARestore) {
  const std::string layer = random_bytes(9 * kMiB);
  const std::string digest = first()->push_blob("a", layer);
  first()->push_blob("a", "{}");
  const std::string lost = first()->push_blob("a", "lost");
  ASSERT_EQ(first()->put_manifest("a", "1", image_of("{}", {layer, "lost"})).status, 201);
  const auto bucket = s3::Bucket::open(s3::store_options());
  const auto blobs = open_s3_blobs(*options_.s3, dir_.path() / "spool");
  ASSERT_TRUE(blobs) << blobs.error().message();
  for (const std::string& key : objects()) {
    if (*bucket->size_of(key) != 4) continue;
    ASSERT_TRUE(bucket->remove(key));
  }
  const Path to = dir_.path() / "backup";
  const auto back_up = [&] {
    const auto hold = first().registry().hold_removals();
    const auto made = backup::make(options_.root, to, {.elsewhere = blobs->get()});
    EXPECT_TRUE(made) << made.error().message();
    return made.value_or(backup::Summary());
  };
  const backup::Summary made = back_up();
  EXPECT_EQ(made.blobs, 2U);
  EXPECT_EQ(made.elsewhere, 0U);
  EXPECT_EQ(made.damaged, std::vector<std::string>{lost});
  EXPECT_EQ(back_up().new_blobs, 0U);

  RegistryOptions in_files = options_;
  in_files.s3.reset();
  in_files.root = dir_.path() / "files";
  ASSERT_TRUE(backup::restore(to, in_files.root, {}));
  nodes_[1] = std::make_unique<Node>(in_files, clock_);
  EXPECT_EQ(second()->get(manifest_path("a", "1")).status, 200);
  EXPECT_TRUE(second()->get(blob_path("a", digest)).body == layer);
  EXPECT_EQ(check({.deep = true}).size(), 1U);  // what is lost
  second()->push_blob("a", "lost");
  EXPECT_TRUE(check({.deep = true}).empty());

  RegistryOptions other = options_;
  other.root = dir_.path() / "other";
  other.s3->prefix = cat("registries/", random_hex(8), "/");
  const auto there = open_s3_blobs(*other.s3, dir_.path() / "spool");
  ASSERT_TRUE(there);
  const auto done = backup::restore(to, other.root, {.elsewhere = there->get()});
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(done->blobs, 2U);
  nodes_[1] = std::make_unique<Node>(other, clock_);
  EXPECT_TRUE(second()->get(blob_path("a", digest)).body == layer);
  EXPECT_EQ(second()->get(blob_path("a", lost)).status, 404);
  second()->push_blob("a", "lost");
  EXPECT_EQ(second()->get(blob_path("a", lost)).body, "lost");
  EXPECT_TRUE(check({.deep = true}).empty());
}

TEST_F(S3Registry, ARestoreThatFailsLeavesNothingInTheBucket) {
  first()->push_blob("a", "one");
  first()->push_blob("a", "{}");
  ASSERT_EQ(first()->put_manifest("a", "1", image_of("{}", {"one"})).status, 201);
  const auto blobs = open_s3_blobs(*options_.s3, dir_.path() / "spool");
  const Path to = dir_.path() / "backup";
  ASSERT_TRUE(backup::make(options_.root, to, {.elsewhere = blobs->get()}));
  const std::string hex = oci::Digest::of("one").hex();
  ASSERT_TRUE(write_file_durably(to / "blobs/sha256" / hex.substr(0, 2) / hex, "eno"));
  const auto before = objects();
  const auto done = backup::restore(to, dir_.path() / "restored", {.elsewhere = blobs->get()});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Code::kDataLoss);
  EXPECT_EQ(objects(), before);
  // The blobs have to be in the backup.
  ASSERT_TRUE(backup::make(options_.root, dir_.path() / "records", {}));
  const auto none = backup::restore(dir_.path() / "records", dir_.path() / "restored",
                                    {.elsewhere = blobs->get()});
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message().find("--blobs"), std::string::npos);
}

TEST_F(S3Registry, WhatAKilledRestoreLeftInTheBucketGoesWithTheNext) {
  const std::string layer = random_bytes(9 * kMiB);
  for (const std::string& blob : {layer, std::string("{}"), std::string("small")}) {
    first()->push_blob("a", blob);
  }
  ASSERT_EQ(first()->put_manifest("a", "1", image_of("{}", {layer, "small"})).status, 201);
  const Path to = dir_.path() / "backup";
  const Path root = dir_.path() / "restored";
  {
    const auto blobs = open_s3_blobs(*options_.s3, dir_.path() / "spool");
    ASSERT_TRUE(backup::make(options_.root, to, {.elsewhere = blobs->get()}));
  }
  for (auto& node : nodes_) node.reset();
  options_.s3->prefix = cat("registries/", random_hex(8), "/");
  const auto blobs = open_s3_blobs(*options_.s3, dir_.path() / "spool");
  ASSERT_TRUE(blobs);
  DyingBlobs dying(**blobs);
  EXPECT_EXIT(
      { [[maybe_unused]] auto none = backup::restore(to, root, {.elsewhere = &dying}); },
      testing::ExitedWithCode(DyingBlobs::kStatus), "");
  EXPECT_EQ(objects().size(), 2U);
  const auto without = backup::restore(to, root, {});
  ASSERT_FALSE(without);
  EXPECT_NE(without.error().message().find("--as-configured"), std::string::npos);
  ASSERT_TRUE(backup::restore(to, root, {.elsewhere = blobs->get()}));
  EXPECT_EQ(objects().size(), 3U);
  options_.root = root;
  nodes_[1] = std::make_unique<Node>(options_, clock_);
  EXPECT_TRUE(second()->get(blob_path("a", oci::Digest::of(layer).str())).body == layer);
  EXPECT_TRUE(check({.deep = true}).empty());
}

TEST_F(S3Registry, ClientsAreSentToTheStoreWhereThatIsWanted) {
  const std::string large = random_bytes(kMiB);
  const std::string digest = first()->push_blob("a", large);
  const std::string small = first()->push_blob("a", "small");
  options_.s3->redirect = true;
  Node linking(options_, clock_);
  const Reply sent = linking->get(blob_path("a", digest));
  EXPECT_EQ(sent.status, 307);
  EXPECT_EQ(sent.header("Cache-Control"), "no-store");
  const auto answer = net::WebClient().send({.url = sent.header("Location")});
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_TRUE(answer->body == large);
  EXPECT_EQ(linking->head(blob_path("a", digest)).status, 200);
  EXPECT_EQ(linking->get(blob_path("a", small)).body, "small");
}

TEST_F(S3Registry, BlobsAreLookedForWhereTheyAre) {
  first()->push_blob("a", "bytes");
  RegistryOptions in_files = options_;
  in_files.s3.reset();
  const auto opened = open_registry(in_files, clock_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace skiff::registry
