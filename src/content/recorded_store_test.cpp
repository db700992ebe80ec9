#include "content/recorded_store.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include "base/random.h"
#include "base/strings.h"

namespace skiff::content {
namespace {

class RecordedStoreTest : public testing::Test {
 protected:
  std::unique_ptr<RecordedStore> open() {
    auto store = open_recorded_store(dir_.path() / "store");
    EXPECT_TRUE(store) << store.error().message();
    return std::move(*store);
  }
  int ingests() const {
    const std::filesystem::directory_iterator all(dir_.path() / "store/ingests");
    return static_cast<int>(std::distance(begin(all), end(all)));
  }
  TempDir dir_ = *TempDir::make("/tmp", "skiff-recorded-");
};

TEST_F(RecordedStoreTest, AnIngestGoesOnFromItsState) {
  IngestState state;
  {
    auto store = open();
    auto ingest = *store->resume("r", HashAlgorithm::kSha256, {});
    ASSERT_TRUE(ingest->write("hello "));
    state = *ingest->settle();
    EXPECT_EQ(state.offset, 6u);
    EXPECT_EQ(state.boot, current_boot());
    ASSERT_TRUE(ingest->write("worl"));
  }
  auto store = open();
  auto ingest = *store->resume("r", HashAlgorithm::kSha256, state);
  EXPECT_EQ(ingest->offset(), 10u);
  ASSERT_TRUE(ingest->write("d"));
  EXPECT_TRUE(store->commit(*ingest, oci::Digest::of("hello world")));
}

TEST_F(RecordedStoreTest, AfterAnotherBootOnlyTheStateCounts) {
  auto store = open();
  auto ingest = *store->resume("r", HashAlgorithm::kSha256, {});
  ASSERT_TRUE(ingest->write("hello "));
  IngestState state = *ingest->settle();
  ASSERT_TRUE(ingest->write("worl"));
  ingest.reset();
  store.reset();
  state.boot = "another";
  store = open();
  EXPECT_EQ((*store->resume("r", HashAlgorithm::kSha256, state))->offset(), 6u);
}

TEST_F(RecordedStoreTest, AFileThatIsShorterThanItsStateIsReadAgain) {
  auto store = open();
  auto ingest = *store->resume("r", HashAlgorithm::kSha256, {});
  ASSERT_TRUE(ingest->write("hello world"));
  const IngestState state = *ingest->settle();
  ingest.reset();
  store.reset();
  for (const auto& entry : std::filesystem::directory_iterator(dir_.path() / "store/ingests")) {
    std::filesystem::resize_file(entry.path(), 5);
  }
  store = open();
  ingest = *store->resume("r", HashAlgorithm::kSha256, state);
  EXPECT_EQ(ingest->offset(), 5u);
  EXPECT_EQ(ingest->digest(), oci::Digest::of("hello"));
}

TEST_F(RecordedStoreTest, OtherIngestsAreDropped) {
  auto store = open();
  for (const char* reference : {"one", "two", "three"}) {
    auto ingest = *store->resume(reference, HashAlgorithm::kSha256, {});
    ASSERT_TRUE(ingest->write("x"));
  }
  EXPECT_EQ(ingests(), 3);
  EXPECT_TRUE(store->abort_others({"two"}));
  EXPECT_EQ(ingests(), 1);
  EXPECT_EQ((*store->resume("two", HashAlgorithm::kSha256, {}))->offset(), 1u);
}

// What is announced as large goes past the page cache, in blocks, until it settles.
class LargeIngest : public RecordedStoreTest {
 protected:
  static constexpr uint64_t kAnnounced = uint64_t{1} << 30U;

  std::unique_ptr<DurableIngest> begin(RecordedStore& store, const std::string& reference) {
    auto ingest = *store.resume(reference, HashAlgorithm::kSha256, {});
    ingest->expect(kAnnounced);
    return ingest;
  }
  const std::string bytes_ = random_bytes(9'000'001);
};

TEST_F(LargeIngest, IsWhatWasWritten) {
  auto store = open();
  // Also those beyond the number that may go so.
  std::vector<std::unique_ptr<DurableIngest>> ingests;
  for (int i = 0; i < 6; ++i) ingests.push_back(begin(*store, cat("r", i)));
  for (auto& ingest : ingests) {
    for (size_t at = 0; at < bytes_.size(); at += 1'000'000) {
      ASSERT_TRUE(ingest->write(std::string_view(bytes_).substr(at, 1'000'000)));
    }
    EXPECT_EQ(ingest->offset(), bytes_.size());
    EXPECT_TRUE(store->commit(*ingest, oci::Digest::of(bytes_)));
    EXPECT_TRUE(store->verify(oci::Digest::of(bytes_), {.always = true}));
    EXPECT_TRUE(store->remove(oci::Digest::of(bytes_)));
  }
}

TEST_F(LargeIngest, GoesOnFromItsState) {
  auto store = open();
  auto ingest = begin(*store, "r");
  ASSERT_TRUE(ingest->write(std::string_view(bytes_).substr(0, 5'000'000)));
  const IngestState state = *ingest->settle();
  EXPECT_EQ(state.offset, 5'000'000u);
  ASSERT_TRUE(ingest->write(std::string_view(bytes_).substr(5'000'000, 1'000'000)));
  ingest.reset();
  store.reset();
  store = open();
  ingest = *store->resume("r", HashAlgorithm::kSha256, state);
  EXPECT_EQ(ingest->offset(), 6'000'000u);
  ASSERT_TRUE(ingest->write(std::string_view(bytes_).substr(6'000'000)));
  EXPECT_TRUE(store->commit(*ingest, oci::Digest::of(bytes_)));
}

TEST_F(LargeIngest, ThatBreaksOffIsThereUpToItsEnd) {
  auto store = open();
  ASSERT_TRUE(begin(*store, "r")->write(bytes_));
  EXPECT_EQ((*store->resume("r", HashAlgorithm::kSha256, {}))->offset(), bytes_.size());
}

// A file system of two MiB.
class FullDisk : public RecordedStoreTest {
 protected:
  void SetUp() override {
    ASSERT_EQ(::mount("tmpfs", dir_.path().c_str(), "tmpfs", 0, "size=2m"), 0);
  }
  void TearDown() override { ::umount2(dir_.path().c_str(), MNT_DETACH); }
};

TEST_F(FullDisk, LeavesWhatSettled) {
  auto store = open();
  auto ingest = *store->resume("r", HashAlgorithm::kSha256, {});
  const std::string settled = random_bytes(300'000);
  ASSERT_TRUE(ingest->write(settled));
  ASSERT_TRUE(ingest->settle());
  const Result<> written = ingest->write(random_bytes(4'000'000));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), Code::kResourceExhausted);
  EXPECT_EQ(ingest->offset(), settled.size());
  ASSERT_TRUE(ingest->write("rest"));
  EXPECT_TRUE(store->commit(*ingest, oci::Digest::of(cat(settled, "rest"))));
}

TEST_F(FullDisk, LeavesNothingOfALargeIngest) {
  auto store = open();
  auto ingest = *store->resume("r", HashAlgorithm::kSha256, {});
  ingest->expect(uint64_t{1} << 30U);
  Result<> written;
  for (int i = 0; i < 10 && written; ++i) written = ingest->write(random_bytes(1'000'000));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), Code::kResourceExhausted);
  EXPECT_EQ(ingest->offset(), 0u);
  EXPECT_GT(std::filesystem::space(dir_.path()).available, 1'000'000u);
  ASSERT_TRUE(ingest->write("small"));
  EXPECT_TRUE(store->commit(*ingest, oci::Digest::of("small")));
}

TEST_F(FullDisk, LeavesNothingElse) {
  auto store = open();
  auto ingest = *store->resume("r", HashAlgorithm::kSha256, {});
  ASSERT_FALSE(ingest->write(random_bytes(4'000'000)));
  EXPECT_EQ(ingest->offset(), 0u);
  EXPECT_GT(std::filesystem::space(dir_.path()).available, 1'000'000u);
}

TEST_F(RecordedStoreTest, ManyAreRemovedAtOnce) {
  auto store = open();
  std::vector<oci::Digest> blobs;
  for (int i = 0; i < 300; ++i) blobs.push_back(*write_blob(*store, cat("blob ", i)));
  const oci::Digest kept = *write_blob(*store, "kept");
  blobs.push_back(oci::Digest::of("never there"));
  for (const Result<>& removed : store->remove_all(blobs)) EXPECT_TRUE(removed);
  EXPECT_TRUE(store->sync_removed(blobs));
  EXPECT_FALSE(store->info(blobs.front()));
  EXPECT_TRUE(store->info(kept));
  int files = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(dir_.path() / "store/blobs")) {
    if (entry.is_regular_file()) ++files;
  }
  EXPECT_EQ(files, 1);
}

// A row erased, and the crash before its file went; and a file that never got its row.
TEST_F(RecordedStoreTest, RemoveTakesAFileWithoutRow) {
  const oci::Digest digest = oci::Digest::of("half");
  auto store = open();
  const Path file = dir_.path() / "store/blobs/sha256" / digest.hex().substr(0, 2) / digest.hex();
  std::filesystem::create_directories(file.parent_path());
  ASSERT_TRUE(write_file(file, "half"));
  EXPECT_TRUE(store->remove(digest));
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_EQ(store->remove(digest).error().code(), Code::kNotFound);
}

}  // namespace
}  // namespace skiff::content
