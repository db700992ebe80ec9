// What a check writes down of each blob costs no sync, unless it must survive a power cut; nor does
// a removal of many, until its owner asks for one.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

#include "base/strings.h"
#include "content/content_store.h"
#include "content/layout.h"
#include "content/recorded_store.h"

namespace {

std::atomic<int> syncs = 0;

int count_sync(long call, int fd) {
  ++syncs;
  return static_cast<int>(::syscall(call, fd));
}

}  // namespace

// The store and SQLite find these before the C library's.
extern "C" int fsync(int fd) { return count_sync(SYS_fsync, fd); }
extern "C" int fdatasync(int fd) { return count_sync(SYS_fdatasync, fd); }

namespace skiff::content {
namespace {

class VerdictsTest : public testing::Test {
 protected:
  // The syncs of a deep check.
  int check() {
    syncs = 0;
    const auto checked = store_->check({.deep = true}, [this](const Problem&) { ++problems_; });
    EXPECT_TRUE(checked) << checked.error().message();
    return syncs;
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-verdicts-");
  ManualClock clock_{Clock::system().now()};
  std::unique_ptr<ContentStore> store_ =
      *open_content_store(dir_.path(), DurableFiles::system(), clock_);
  int problems_ = 0;
};

TEST_F(VerdictsTest, ThatBlobsAreWholeIsWrittenDownWithoutASync) {
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(write_blob(*store_, cat("blob ", i)));
  clock_.advance(std::chrono::hours(1));
  EXPECT_EQ(check(), 0);
  EXPECT_EQ(problems_, 0);
  EXPECT_EQ(store_->info(oci::Digest::of("blob 19"))->verified, clock_.now());
}

TEST_F(VerdictsTest, ThatOneIsDamagedIsSynced) {
  const oci::Digest digest = *write_blob(*store_, "hello");
  ASSERT_TRUE(write_file(Layout(dir_.path()).blob(digest), "hullo"));
  EXPECT_GT(check(), 0);
  EXPECT_EQ(problems_, 1);
}

TEST(Removal, OfManySyncsWhenItIsAskedTo) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-removal-");
  const auto store = *open_recorded_store(dir.path());
  std::vector<oci::Digest> blobs;
  for (int i = 0; i < 120; ++i) blobs.push_back(*write_blob(*store, cat("blob ", i)));
  syncs = 0;
  for (const Result<>& outcome : store->remove_all(blobs)) EXPECT_TRUE(outcome);
  EXPECT_EQ(syncs, 0);
  // One of the table beside those of directories, all of which are there.
  std::set<std::string> shelves;
  for (const oci::Digest& digest : blobs) shelves.insert(digest.hex().substr(0, 2));
  EXPECT_TRUE(store->sync_removed(blobs));
  EXPECT_EQ(syncs, static_cast<int>(shelves.size()) + 1);
}

}  // namespace
}  // namespace skiff::content
