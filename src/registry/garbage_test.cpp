#include "base/random.h"
#include "content/content_store.h"
#include "registry/test_registry.h"

namespace skiff::registry {
namespace {

using std::chrono::seconds;

class GarbageTest : public RegistryTest {
 protected:
  bool has(const std::string& repository, const std::string& bytes) {
    return client().head(blob_path(repository, oci::Digest::of(bytes).str())).status == 200;
  }
  bool on_disk(const std::string& bytes) {
    std::string hex = oci::Digest::of(bytes).hex();
    return std::filesystem::exists(options_.root / "content/blobs/sha256" / hex.substr(0, 2) / hex);
  }
  // Lets all leases end, and collects.
  size_t collect_all() {
    clock_.advance(options_.metadata.grace + seconds(1));
    auto removed = registry_->collect_garbage();
    EXPECT_TRUE(removed) << removed.error().message();
    return removed.value_or(0);
  }
};

TEST_F(GarbageTest, ABlobThatNothingNamesGoesAfterItsGrace) {
  client().push_blob("a", "loose");
  EXPECT_EQ(*registry_->collect_garbage(), 0u);
  EXPECT_TRUE(has("a", "loose"));
  EXPECT_EQ(collect_all(), 1u);
  EXPECT_FALSE(has("a", "loose"));
  EXPECT_FALSE(on_disk("loose"));
  client().push_blob("a", "loose");
  EXPECT_TRUE(has("a", "loose"));
}

TEST_F(GarbageTest, WhatAManifestNamesStays) {
  push_image("a", "1", "{}", {"layer"});
  EXPECT_EQ(collect_all(), 0u);
  EXPECT_EQ(collect_all(), 0u);
  EXPECT_TRUE(has("a", "layer"));
}

TEST_F(GarbageTest, ADeletedManifestsBlobsGoOthersStay) {
  std::string first = push_image("a", "1", "{}", {"shared", "own"});
  push_image("a", "2", "{\"n\":2}", {"shared"});
  EXPECT_EQ(client().remove(manifest_path("a", first)).status, 202);
  EXPECT_EQ(collect_all(), 2u);
  EXPECT_FALSE(on_disk("own"));
  EXPECT_FALSE(on_disk("{}"));
  EXPECT_EQ(client().get(blob_path("a", oci::Digest::of("shared").str())).body, "shared");
}

TEST_F(GarbageTest, ABlobThatAnotherRepositoryHasStays) {
  std::string digest = push_image("a", "1", "{}", {"layer"});
  push_image("b", "1", "{}", {"layer"});
  client().remove(manifest_path("a", digest));
  EXPECT_EQ(collect_all(), 0u);
  EXPECT_FALSE(has("a", "layer"));
  EXPECT_TRUE(has("b", "layer"));
  client().remove(manifest_path("b", digest));
  EXPECT_EQ(collect_all(), 2u);
  EXPECT_FALSE(on_disk("layer"));
}

TEST_F(GarbageTest, AnEmptyRepositoryVanishes) {
  std::string digest = push_image("a", "1", "{}", {});
  client().remove(manifest_path("a", digest));
  EXPECT_EQ(client().get("/v2/a/tags/list").status, 200);
  collect_all();
  EXPECT_EQ(client().get("/v2/a/tags/list").status, 404);
}

TEST_F(GarbageTest, AskingForABlobRenewsItsLease) {
  client().push_blob("a", "layer");
  client().push_blob("a", "other");
  clock_.advance(options_.metadata.grace * 2 / 3);
  EXPECT_TRUE(has("a", "layer"));
  clock_.advance(options_.metadata.grace * 2 / 3);
  EXPECT_EQ(*registry_->collect_garbage(), 1u);
  EXPECT_TRUE(on_disk("layer"));
  EXPECT_FALSE(on_disk("other"));
}

TEST_F(GarbageTest, AMountIsALeaseOfItsOwn) {
  client().push_blob("a", "layer");
  clock_.advance(options_.metadata.grace * 2 / 3);
  std::string digest = oci::Digest::of("layer").str();
  EXPECT_EQ(client().call("POST", cat("/v2/b/blobs/uploads/?mount=", digest, "&from=a")).status,
            201);
  clock_.advance(options_.metadata.grace * 2 / 3);
  EXPECT_EQ(*registry_->collect_garbage(), 0u);
  EXPECT_TRUE(on_disk("layer"));
}

TEST_F(GarbageTest, ADeletedBlobsContentGoes) {
  client().push_blob("a", "layer");
  client().remove(blob_path("a", oci::Digest::of("layer").str()));
  EXPECT_EQ(collect_all(), 1u);
  EXPECT_FALSE(on_disk("layer"));
}

// Some files cannot be removed for a while.
class StubbornFiles : public DurableFiles {
 public:
  std::atomic<bool> stubborn = true;
  std::atomic<bool> unsynced = false;
  std::atomic<int> syncs = 0;  // of directories
  std::string kept;            // part of their names

  Result<> sync_file(int fd) override { return system().sync_file(fd); }
  Result<> rename(const Path& from, const Path& to) override { return system().rename(from, to); }
  Result<> sync_directory(const Path& path) override {
    ++syncs;
    if (unsynced) return Error::from_errno(EIO, path.native());
    return system().sync_directory(path);
  }
  Result<> unlink(const Path& path) override {
    if (stubborn && path.native().find(kept) != std::string::npos) {
      return Error::from_errno(EIO, path.native());
    }
    return system().unlink(path);
  }
};

class StubbornGarbage : public GarbageTest {
 protected:
  StubbornGarbage() {
    stubborn_.kept = oci::Digest::of("stubborn").hex();
    files_ = &stubborn_;
  }
  void push_ten() {
    client().push_blob("a", "stubborn");
    for (int i = 0; i < 9; ++i) client().push_blob("a", cat("easy ", i));
  }
  StubbornFiles stubborn_;
};

TEST_F(StubbornGarbage, HoldsUpNoOther) {
  push_ten();
  EXPECT_EQ(collect_all(), 9u);
  EXPECT_TRUE(on_disk("stubborn"));
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(on_disk(cat("easy ", i)));
}

TEST_F(StubbornGarbage, IsTriedAgainLater) {
  push_ten();
  collect_all();
  stubborn_.stubborn = false;
  EXPECT_EQ(*registry_->collect_garbage(), 0u);  // not at once
  clock_.advance(std::chrono::minutes(2));
  EXPECT_EQ(*registry_->collect_garbage(), 1u);
  EXPECT_FALSE(on_disk("stubborn"));
}

TEST_F(StubbornGarbage, IsTriedAgainAfterARestart) {
  push_ten();
  collect_all();
  stubborn_.stubborn = false;
  restart();
  EXPECT_FALSE(on_disk("stubborn"));
}

// A power cut could bring back a file that nothing knows of any more.
TEST_F(StubbornGarbage, IsForgottenWhenTheDiskHasForgottenIt) {
  stubborn_.stubborn = false;
  push_ten();
  stubborn_.unsynced = true;
  EXPECT_EQ(collect_all(), 0u);
  stubborn_.unsynced = false;
  const int before = stubborn_.syncs;
  clock_.advance(std::chrono::minutes(2));
  EXPECT_EQ(*registry_->collect_garbage(), 10u);
  EXPECT_GT(stubborn_.syncs, before);
}

TEST_F(StubbornGarbage, ComesBackByAPush) {
  push_ten();
  collect_all();
  EXPECT_FALSE(has("a", "stubborn"));
  client().push_blob("a", "stubborn");
  stubborn_.stubborn = false;
  clock_.advance(std::chrono::minutes(2));
  EXPECT_EQ(*registry_->collect_garbage(), 0u);
  EXPECT_EQ(client().get(blob_path("a", oci::Digest::of("stubborn").str())).body, "stubborn");
}

// The upload's digest is wrong, so it stores nothing; what was to be removed still is.
TEST_F(StubbornGarbage, GoesAfterAPushThatFailed) {
  push_ten();
  collect_all();
  const std::string digest = oci::Digest::of("stubborn").str();
  EXPECT_EQ(client().call("POST", cat("/v2/a/blobs/uploads/?digest=", digest), "other").status,
            400);
  stubborn_.stubborn = false;
  clock_.advance(std::chrono::minutes(2));
  EXPECT_EQ(*registry_->collect_garbage(), 1u);
  EXPECT_FALSE(on_disk("stubborn"));
}

TEST_F(GarbageTest, UntaggedManifestsStayUnlessToldOtherwise) {
  std::string digest = push_image("a", "1", "{}", {"layer"});
  client().remove(manifest_path("a", "1"));
  collect_all();
  EXPECT_EQ(client().get(manifest_path("a", digest)).status, 200);
  EXPECT_TRUE(has("a", "layer"));
}

// An image with a note about it, and a note about that.
class ReferrerGarbage : public GarbageTest {
 protected:
  static std::string note_about(const std::string& subject) {
    json::Value note = *json::parse(image_of("{}", {}, {{"a", "note"}}));
    note.set("subject", describe(subject, oci::kMediaTypeManifest).to_json());
    return note.dump();
  }
  static std::string digest_of(const std::string& manifest) {
    return oci::Digest::of(manifest).str();
  }
  void push(const std::string& manifest, const std::string& reference = "") {
    client().push_blob("a", "{}");
    EXPECT_EQ(client()
                  .put_manifest("a", reference.empty() ? digest_of(manifest) : reference, manifest)
                  .status,
              201);
  }
  void push_all() {
    push(image_, "1");
    push(note_);
    push(second_);
  }
  void remove(const std::string& manifest) {
    EXPECT_EQ(client().remove(manifest_path("a", digest_of(manifest))).status, 202);
  }
  bool is_there(const std::string& manifest) {
    return client().head(manifest_path("a", digest_of(manifest))).status == 200;
  }
  void collect_for_long() {
    for (int i = 0; i < 4; ++i) collect_all();
  }
  const std::string image_ = image_of("{}", {});
  const std::string note_ = note_about(image_);
  const std::string second_ = note_about(note_);
};

TEST_F(ReferrerGarbage, GoesWithItsSubject) {
  push_all();
  collect_for_long();
  EXPECT_TRUE(is_there(note_));
  remove(image_);
  EXPECT_EQ(*registry_->collect_garbage(), 0u);
  EXPECT_TRUE(is_there(note_));  // for the grace
  collect_for_long();
  EXPECT_FALSE(is_there(note_));
  EXPECT_FALSE(is_there(second_));
  EXPECT_FALSE(on_disk("{}"));
}

TEST_F(ReferrerGarbage, StaysWhereItsSubjectNeverWas) {
  push(note_);
  collect_for_long();
  EXPECT_TRUE(is_there(note_));
}

TEST_F(ReferrerGarbage, StaysWhereItsSubjectComesBack) {
  push_all();
  remove(image_);
  push(image_);
  collect_for_long();
  EXPECT_TRUE(is_there(note_));
  remove(image_);
  collect_for_long();
  EXPECT_FALSE(is_there(note_));
}

TEST_F(ReferrerGarbage, StaysWhereItIsPushedAgain) {
  push_all();
  remove(image_);
  push(note_);
  collect_for_long();
  EXPECT_TRUE(is_there(note_));
  EXPECT_TRUE(is_there(second_));
}

TEST_F(ReferrerGarbage, StaysAsLongAsItHasATag) {
  push_all();
  push(note_, "note");
  remove(image_);
  collect_for_long();
  EXPECT_TRUE(is_there(note_));
  EXPECT_EQ(client().remove(manifest_path("a", "note")).status, 202);
  collect_for_long();
  EXPECT_FALSE(is_there(note_));
}

class UntaggedGarbage : public GarbageTest {
 protected:
  UntaggedGarbage() { options_.metadata.collect_untagged = true; }
};

TEST_F(UntaggedGarbage, GoesWithItsBlobs) {
  std::string first = push_image("a", "1", "{}", {"old"});
  std::string second = push_image("a", "1", "{\"n\":2}", {"new"});
  collect_all();
  EXPECT_EQ(client().get(manifest_path("a", first)).status, 404);
  EXPECT_EQ(client().get(manifest_path("a", second)).status, 200);
  collect_all();
  EXPECT_FALSE(on_disk("old"));
  EXPECT_TRUE(on_disk("new"));
}

TEST_F(UntaggedGarbage, IndexesKeepTheirChildrenSubjectsTheirReferrers) {
  client().push_blob("a", "{}");
  std::string image = image_of("{}", {});
  client().put_manifest("a", oci::Digest::of(image).str(), image);
  client().put_manifest("a", "multi", index_of({image}), oci::kMediaTypeIndex);
  json::Value note = *json::parse(image_of("{}", {}, {{"a", "note"}}));
  note.set("subject", describe(index_of({image}), oci::kMediaTypeIndex).to_json());
  std::string referrer = oci::Digest::of(note.dump()).str();
  client().put_manifest("a", referrer, note.dump());
  collect_all();
  collect_all();
  EXPECT_EQ(client().get(manifest_path("a", oci::Digest::of(image).str())).status, 200);
  EXPECT_EQ(client().get(manifest_path("a", referrer)).status, 200);
  client().remove(manifest_path("a", "multi"));
  for (int i = 0; i < 4; ++i) collect_all();
  EXPECT_EQ(client().get(manifest_path("a", oci::Digest::of(image).str())).status, 404);
  EXPECT_EQ(client().get(manifest_path("a", referrer)).status, 404);
  EXPECT_FALSE(on_disk("{}"));
}

// A root on which a crash came between two steps.
TEST_F(GarbageTest, WhatACrashLeftIsPutRightAtStart) {
  push_image("a", "1", "{}", {"layer"});
  stop();
  {
    auto metadata = open_metadata();
    auto blobs = content::open_content_store(options_.root / "content");
    ASSERT_TRUE(blobs);
    // Stored, and never linked.
    ASSERT_TRUE(metadata->blob_arrives(oci::Digest::of("orphan"), ""));
    ASSERT_TRUE(content::write_blob(**blobs, "orphan"));
    // About to arrive; it is there already, and stays.
    ASSERT_TRUE(metadata->blob_arrives(oci::Digest::of("layer"), ""));
    // Doomed, and not yet removed.
    ASSERT_TRUE(content::write_blob(**blobs, "doomed"));
    ASSERT_TRUE(metadata->link_blob("b", oci::Digest::of("doomed"), {6, ""}, {}));
    clock_.advance(options_.metadata.grace + seconds(1));
    auto review = metadata->take_garbage(100, [](const oci::Digest&) { return true; });
    ASSERT_EQ(review->doomed, std::vector<oci::Digest>{oci::Digest::of("doomed")});
  }
  start();
  EXPECT_FALSE(on_disk("orphan"));
  EXPECT_FALSE(on_disk("doomed"));
  EXPECT_TRUE(has("a", "layer"));
}

// The collector runs back to back while clients push, retag and delete. Whatever was
// acknowledged must be whole as long as its tag stands. The parameter is the grace in seconds of
// a clock that runs twenty times as fast as ours.
class BusyGarbage : public RegistryTest, public testing::WithParamInterface<int> {
 public:
  static constexpr int kLongGrace = 200;

 protected:
  BusyGarbage() { options_.metadata.grace = seconds(GetParam()); }

  size_t collect_until(const std::atomic<bool>& done) {
    size_t removed = 0;
    for (TimePoint last = Clock::system().now(); !done;) {
      TimePoint now = Clock::system().now();
      clock_.advance((now - std::exchange(last, now)) * 20);
      removed += registry_->collect_garbage().value_or(0);
    }
    return removed;
  }

  // As clients do: what is there already is not sent again.
  static void provide(Client& client, const std::string& repository, const std::string& bytes) {
    if (client.head(blob_path(repository, oci::Digest::of(bytes).str())).status == 200) return;
    client.push_blob(repository, bytes);
  }

  static void pull(Client& client, const std::string& repository, const std::string& tag) {
    Reply manifest = client.get(manifest_path(repository, tag));
    ASSERT_EQ(manifest.status, 200) << repository << ":" << tag;
    json::Value v = manifest.json();
    std::vector<std::string> digests{v.object("config").find("digest")->as_string()};
    for (const json::Value& layer : v.array("layers")) digests.push_back(layer.string("digest"));
    for (const std::string& digest : digests) {
      Reply blob = client.get(blob_path(repository, digest));
      EXPECT_EQ(blob.status, 200) << repository << " " << digest;
      EXPECT_EQ(oci::Digest::of(blob.body).str(), digest);
    }
  }

  void push_images(int pusher, int count) {
    Client mine(port());
    std::string repository = cat("repo", pusher % 2);
    std::string tag = cat("tag", pusher);
    for (int i = 0; i < count; ++i) {
      std::vector<std::string> layers{"in every image", cat("layer ", i), random_hex(64)};
      std::string config = cat("{\"n\":\"", pusher, "-", i, "\"}");
      for (const std::string& blob : layers) provide(mine, repository, blob);
      provide(mine, repository, config);
      std::string image = image_of(config, layers);
      Reply put = mine.put_manifest(repository, tag, image);
      if (put.status != 201) {
        EXPECT_EQ(put.error(), "MANIFEST_BLOB_UNKNOWN") << put.body;
        continue;
      }
      ++acknowledged_;
      pull(mine, repository, tag);
      if (i % 3 == 0) mine.remove(manifest_path(repository, oci::Digest::of(image).str()));
    }
  }

  std::atomic<int> acknowledged_ = 0;
};

TEST_P(BusyGarbage, NoAcknowledgedImageBreaks) {
  std::atomic<bool> done = false;
  size_t removed = 0;
  std::thread collector([&] { removed = collect_until(done); });
  std::vector<std::thread> pushers;
  for (int t = 0; t < 4; ++t) pushers.emplace_back([this, t] { push_images(t, 25); });
  for (std::thread& pusher : pushers) pusher.join();
  done = true;
  collector.join();
  // A blob may be gone before its manifest comes, and then the client is told; with a grace
  // that outlasts a push none fails.
  if (GetParam() == kLongGrace) {
    EXPECT_EQ(acknowledged_, 100);
  }
  clock_.advance(options_.metadata.grace + seconds(1));
  removed += registry_->collect_garbage().value_or(0);
  EXPECT_GT(removed, 0u);
  for (int t = 0; t < 4; ++t) {
    std::string repository = cat("repo", t % 2);
    if (client().head(manifest_path(repository, cat("tag", t))).status == 200) {
      pull(client(), repository, cat("tag", t));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Grace, BusyGarbage, testing::Values(0, 2, BusyGarbage::kLongGrace));

}  // namespace
}  // namespace skiff::registry
