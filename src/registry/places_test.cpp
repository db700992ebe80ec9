// What the metadata notes of blobs that have places of their own, and of uploads that several nodes
// may go on with.
#include <gtest/gtest.h>

#include "registry/metadata.h"
#include "registry/test_registry.h"

namespace skiff::registry {
namespace {

using std::chrono::seconds;

class Places : public testing::Test {
 protected:
  std::string begin() {
    const std::string id = cat("upload", ++uploads_);
    EXPECT_TRUE(store_->begin_upload("a", id, {}));
    return id;
  }
  UploadRow row(const std::string& id) const { return **store_->find_upload("a", id); }
  Result<> link(const std::string& place, const BlobLinks::Ended& from = {}) {
    return store_->link_blob("a", blob_, {.size = 5, .place = place}, from);
  }
  std::vector<std::string> discarded() const { return *store_->discarded("", 100); }
  void wait() { clock_.advance(options_.grace + seconds(1)); }
  Garbage::Review review() {
    return *store_->take_garbage(100, [](const oci::Digest&) { return true; });
  }
  using Names = std::vector<std::string>;

  TempDir dir_ = *TempDir::make("/tmp", "skiff-places-");
  MetadataOptions options_;
  TestClock clock_;
  std::unique_ptr<MetadataStore> store_ = *open_metadata(dir_.path(), options_, clock_);
  const oci::Digest blob_ = oci::Digest::of("bytes");
  int uploads_ = 0;
};

TEST_F(Places, TheNewestIsReadAndTheOtherDiscarded) {
  ASSERT_TRUE(link("one"));
  EXPECT_EQ((*store_->find_blob("a", blob_, Renew::kNo))->place, "one");
  ASSERT_TRUE(link("two"));
  EXPECT_EQ((*store_->place_of(blob_))->place, "two");
  EXPECT_EQ((*store_->place_of(blob_))->size, 5U);
  EXPECT_TRUE(discarded().empty());  // somebody may be reading
  wait();
  EXPECT_EQ(discarded(), Names{"one"});
  EXPECT_TRUE(*store_->knows_place("one"));
  ASSERT_TRUE(store_->forget_discarded({"one"}));
  EXPECT_TRUE(discarded().empty());
  EXPECT_FALSE(*store_->knows_place("one"));
  EXPECT_TRUE(*store_->knows_place("two"));
}

TEST_F(Places, WhatIsDamagedIsNotFoundUntilItComesAgain) {
  ASSERT_TRUE(link("one"));
  EXPECT_FALSE(*store_->note_damage(blob_, "elsewhere"));
  EXPECT_TRUE(*store_->find_blob("a", blob_, Renew::kNo));
  EXPECT_TRUE(*store_->note_damage(blob_, "one"));
  EXPECT_FALSE(*store_->find_blob("a", blob_, Renew::kNo));
  EXPECT_FALSE(*store_->place_of(blob_));
  EXPECT_FALSE(*store_->mount_blob("b", "a", blob_));
  EXPECT_FALSE(*store_->mount_blob("b", "", blob_));
  EXPECT_TRUE((*store_->stored_blob(blob_))->damaged);
  ASSERT_TRUE(link("two"));
  EXPECT_EQ((*store_->find_blob("a", blob_, Renew::kNo))->place, "two");
  EXPECT_TRUE(*store_->mount_blob("b", "a", blob_));
}

TEST_F(Places, WhatNothingNamesIsDiscardedAtOnce) {
  ASSERT_TRUE(link("one"));
  wait();
  const Garbage::Review reviewed = review();
  EXPECT_EQ(reviewed.discarded, 1U);
  EXPECT_EQ(reviewed.bytes, 5U);
  EXPECT_TRUE(reviewed.doomed.empty());
  EXPECT_FALSE(*store_->place_of(blob_));
  EXPECT_FALSE(*store_->knows_blob(blob_));
  // It comes again before the first is taken away.
  ASSERT_TRUE(link("two"));
  wait();
  EXPECT_EQ(discarded(), Names{"one"});
  EXPECT_EQ((*store_->place_of(blob_))->place, "two");
}

TEST_F(Places, OfSeveralWhoGoOnWithAnUploadOneDoes) {
  const std::string id = begin();
  EXPECT_EQ(row(id).version, 0);
  UploadState state{.bytes = {.offset = 3, .hash = "h", .boot = ""}, .place = "somewhere"};
  ASSERT_TRUE(store_->save_upload(id, state, 0));
  EXPECT_EQ(row(id).version, 1);
  EXPECT_EQ(row(id).state.place, "somewhere");
  EXPECT_EQ(row(id).state.bytes.offset, 3U);
  state.place = "elsewhere";
  EXPECT_EQ(store_->save_upload(id, state, 0).error().code(), Code::kAborted);
  EXPECT_EQ(row(id).state.place, "somewhere");
  EXPECT_EQ(store_->end_upload(id, 0, {"left"}).error().code(), Code::kAborted);
  EXPECT_EQ(link("late", {.upload = id, .version = 0, .leftovers = {}}).error().code(),
            Code::kAborted);
  EXPECT_FALSE(*store_->place_of(blob_));
  EXPECT_TRUE(*store_->knows_upload(id));
  wait();
  EXPECT_TRUE(discarded().empty());
}

TEST_F(Places, AnUploadEndsWithItsBlob) {
  const std::string id = begin();
  ASSERT_TRUE(link("one", {.upload = id, .version = 0, .leftovers = {"tail", "one multipart"}}));
  EXPECT_FALSE(*store_->knows_upload(id));
  // Who did not hear of it takes nothing away.
  EXPECT_FALSE(store_->end_upload(id, 0, {"one"}));
  wait();
  EXPECT_EQ(discarded(), (Names{"one multipart", "tail"}));
  EXPECT_EQ((*store_->place_of(blob_))->place, "one");
}

TEST_F(Places, WhatAnUploadLeavesIsDiscarded) {
  const std::string id = begin();
  ASSERT_TRUE(store_->save_upload(id, {.bytes = {}, .place = "somewhere"}, 0));
  clock_.advance(seconds(100));
  const auto stale = *store_->stale_uploads(clock_.now());
  ASSERT_EQ(stale.size(), 1U);
  EXPECT_EQ(stale[0].row.state.place, "somewhere");
  EXPECT_EQ(stale[0].row.version, 1);
  ASSERT_TRUE(store_->end_upload(id, stale[0].row.version, {"parts multipart", "tail"}));
  wait();
  EXPECT_EQ(*store_->discarded("", 1), Names{"parts multipart"});
  EXPECT_EQ(*store_->discarded("parts multipart", 1), Names{"tail"});
  EXPECT_TRUE(*store_->knows_place("parts"));
}

TEST_F(Places, ALostBlobIsDiscarded) {
  ASSERT_TRUE(link("one"));
  EXPECT_EQ((*store_->some_blob())->at.place, "one");
  ASSERT_TRUE(store_->doom_lost_blob(blob_));
  EXPECT_FALSE(*store_->some_blob());
  wait();
  EXPECT_EQ(discarded(), Names{"one"});
}

}  // namespace
}  // namespace skiff::registry
