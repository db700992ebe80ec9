// What a scrub reads, in which order, and what it tells.
#include "content/scrub.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "content/layout.h"

namespace skiff::content {
namespace {

class ScrubTest : public testing::Test {
 protected:
  oci::Digest put(std::string_view bytes) { return *write_blob(*store_, bytes); }
  ScrubTotals scrub(const ScrubOptions& options) {
    told_.clear();
    const auto tell = [&](const Error& error) { told_.push_back(error.message()); };
    const auto totals = content::scrub(*store_, options, tell, {});
    EXPECT_TRUE(totals) << totals.error().message();
    return totals.value_or(ScrubTotals());
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-scrub-");
  ManualClock clock_{Clock::system().now()};
  std::unique_ptr<ContentStore> store_ =
      *open_content_store(dir_.path(), DurableFiles::system(), clock_);
  std::vector<std::string> told_;
};

TEST_F(ScrubTest, OnlyWhatWasNotReadSinceIsRead) {
  const oci::Digest old = put("older");
  clock_.advance(std::chrono::hours(1));
  put("newer!");
  EXPECT_EQ(scrub({.unread_since = clock_.now()}).bytes, 5u);
  EXPECT_EQ(store_->info(old)->verified, clock_.now());
  EXPECT_EQ(scrub({.unread_since = clock_.now()}).blobs, 0u);
  clock_.advance(std::chrono::hours(1));
  EXPECT_EQ(scrub({.unread_since = clock_.now()}).blobs, 2u);
}

TEST_F(ScrubTest, DamageIsToldAndRemembered) {
  const oci::Digest digest = put("hello");
  put("fine");
  const Path file = Layout(dir_.path()).blob(digest);
  const auto before = std::filesystem::last_write_time(file);
  ASSERT_TRUE(write_file(file, "hullo"));
  std::filesystem::last_write_time(file, before);
  clock_.advance(std::chrono::hours(1));
  for (int round = 0; round < 2; ++round) {
    const ScrubTotals totals = scrub({.unread_since = clock_.now()});
    EXPECT_EQ(totals.damaged, 1u);
    ASSERT_EQ(told_.size(), 1u);
    EXPECT_NE(told_[0].find(digest.str()), std::string::npos);
  }
  EXPECT_TRUE(store_->info(digest)->damaged);
  EXPECT_FALSE(store_->open(digest));
}

TEST_F(ScrubTest, ManySmallBlobsKeepToTheRateToo) {
  for (int i = 0; i < 20; ++i) put(cat("blob of twenty bytes", 10 + i));
  clock_.advance(std::chrono::hours(1));
  const auto start = std::chrono::steady_clock::now();
  scrub({.bytes_per_second = 4400, .unread_since = clock_.now()});
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(99));
}

TEST_F(ScrubTest, AScrubberEndsAtOnceWithWhatItHasRead) {
  const oci::Digest first = put("a");
  clock_.advance(std::chrono::hours(1));
  put(std::string(1'000'000, 'x'));
  clock_.advance(std::chrono::hours(24 * 8));
  {
    // The second would take days.
    const Scrubber scrubber(*store_, 1000, clock_);
    while (store_->info(first)->verified != clock_.now()) std::this_thread::yield();
  }
  EXPECT_EQ(scrub({.unread_since = clock_.now()}).blobs, 1u);
}

}  // namespace
}  // namespace skiff::content
