#include "builder/local_sources.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <thread>

namespace skiff::builder {
namespace {

class LocalSourcesTest : public testing::Test {
 protected:
  void open(LocalSources::Limits limits = {}) {
    sources_.reset();
    sources_ = std::make_unique<LocalSources>(root(), *stats_, Clock::system(), limits);
    ASSERT_TRUE(sources_->start());
  }
  Path root() const { return dir_.path() / "sources"; }

  LocalSources::Transfer begin(const std::string& key) {
    auto transfer = sources_->begin(key, key, {});
    EXPECT_TRUE(transfer && *transfer);
    return std::move(**transfer);
  }
  // A transfer of one file.
  LocalSources::Use put(const std::string& key, const std::string& text) {
    auto transfer = begin(key);
    auto place = transfer.change();
    EXPECT_TRUE(place && write_file(place->files / "f", text));
    auto use = transfer.keep(text);
    EXPECT_TRUE(use) << use.error().message();
    return std::move(*use);
  }
  std::string record(const std::string& key) { return begin(key).record(); }
  static std::string text(const LocalSources::Use& use) {
    return read_file(use.files() / "f").value_or("none");
  }
  size_t trees() {
    size_t out = 0;
    for (const auto& entry : std::filesystem::directory_iterator(root())) out += entry.exists();
    return out;
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-local-sources-");
  std::unique_ptr<StatCache> stats_ = StatCache::open(dir_.path() / "stats");
  std::unique_ptr<LocalSources> sources_;
};

TEST_F(LocalSourcesTest, ATreeIsFoundAgainAndChangedInPlace) {
  open();
  EXPECT_EQ(record("a"), "");
  {
    EXPECT_EQ(text(put("a", "one")), "one");
  }
  {
    auto transfer = begin("a");
    EXPECT_EQ(transfer.record(), "one");
    EXPECT_EQ(text(transfer.share()), "one");
  }
  EXPECT_EQ(record("b"), "");
  auto again = put("a", "two");
  EXPECT_EQ(text(again), "two");
  EXPECT_EQ(trees(), 1U);
}

TEST_F(LocalSourcesTest, WhoeverWouldWaitForOneThatStandsStillGoesItsOwnWay) {
  open({.patience = std::chrono::milliseconds(0)});
  {
    auto stopped = begin("a");
    auto other = sources_->begin("a", "a", {});
    ASSERT_TRUE(other);
    EXPECT_FALSE(*other);
    // Its turn is still its own.
    auto place = stopped.change();
    ASSERT_TRUE(place && write_file(place->files / "f", "one"));
    EXPECT_TRUE(stopped.keep("one"));
  }
  EXPECT_EQ(record("a"), "one");
}

TEST_F(LocalSourcesTest, OneThatGoesOnIsWaitedFor) {
  open({.patience = std::chrono::hours(1)});
  auto transfer = std::optional(begin("a"));
  std::atomic<bool> waits = false;
  std::jthread other([&] {
    waits = true;
    auto turn = sources_->begin("a", "a", {});
    ASSERT_TRUE(turn && *turn);
    EXPECT_EQ((*turn)->record(), "one");
  });
  while (!waits) std::this_thread::yield();
  auto place = transfer->change();
  ASSERT_TRUE(place && write_file(place->files / "f", "one"));
  transfer->progressed();
  EXPECT_TRUE(transfer->keep("one"));
  transfer.reset();
}

TEST_F(LocalSourcesTest, ATreeInUseStaysAsItIs) {
  open();
  {
    auto first = put("a", "one");
    auto transfer = begin("a");
    auto place = transfer.change();
    ASSERT_TRUE(place);
    EXPECT_TRUE(place->empty);
    ASSERT_TRUE(write_file(place->files / "f", "two"));
    auto second = transfer.keep("two");
    ASSERT_TRUE(second);
    EXPECT_EQ(text(first), "one");
    EXPECT_EQ(text(*second), "two");
  }
  EXPECT_EQ(record("a"), "two");
  EXPECT_EQ(trees(), 1U);
}

TEST_F(LocalSourcesTest, EachChangeIsAnotherVersion) {
  open();
  const std::string first = put("a", "one").version();
  EXPECT_EQ(begin("a").share().version(), first);
  const std::string other = put("b", "one").version();
  EXPECT_NE(other, first);
  const auto in_place = put("a", "two");
  EXPECT_NE(in_place.version(), first);
  EXPECT_NE(in_place.version(), other);
  const auto beside = put("a", "three");
  EXPECT_NE(beside.version(), in_place.version());
}

TEST_F(LocalSourcesTest, OneTransferOfAKeyAtATime) {
  open();
  CancelSource cancel;
  cancel.cancel();
  const auto first = begin("a");
  EXPECT_EQ(sources_->begin("a", "a", cancel.token()).error().code(), Code::kCancelled);
  EXPECT_TRUE(sources_->begin("b", "b", {}));
}

TEST_F(LocalSourcesTest, WhatIsNotKeptIsGone) {
  open();
  put("a", "one");
  {
    auto transfer = begin("a");
    ASSERT_TRUE(transfer.change());
  }
  EXPECT_EQ(record("a"), "");
  EXPECT_EQ(trees(), 0U);
}

TEST_F(LocalSourcesTest, OutlivesTheDaemonUnlessItIsNotWhole) {
  open();
  for (const char* key : {"whole", "changing", "before the boot"}) put(key, key);
  // As a kill while it is changed, or while it is made, leaves it.
  for (const auto& entry : std::filesystem::directory_iterator(root())) {
    const std::string is = *read_file(entry.path() / "record");
    if (is == "changing") std::filesystem::remove(entry.path() / "record");
    if (is == "before the boot") {
      ASSERT_TRUE(write_file(entry.path() / "about", R"({"boot":"x"})"));
    }
  }
  std::filesystem::create_directories(root() / "new-one");
  open();
  EXPECT_EQ(trees(), 1U);
  EXPECT_EQ(record("whole"), "whole");
  EXPECT_EQ(record("changing"), "");
  put("whole", "again");
  EXPECT_EQ(record("whole"), "again");
}

TEST_F(LocalSourcesTest, ThoseUsedLastStay) {
  open({.trees = 2});
  for (const char* key : {"a", "b", "c"}) put(key, key);
  EXPECT_EQ(record("a"), "");
  EXPECT_EQ(record("b"), "b");
  EXPECT_EQ(record("c"), "c");
  open({.bytes = 1});
  put("d", "d");
  EXPECT_EQ(trees(), 1U) << "only what was in use";
}

TEST_F(LocalSourcesTest, AreListedAndRemovedUnlessInUse) {
  open();
  put("a", "one");
  auto used = put("b", "two");
  auto listed = sources_->list();
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 2U);
  EXPECT_EQ((*listed)[0].description, "local source for b");
  EXPECT_TRUE((*listed)[0].in_use);
  EXPECT_EQ((*listed)[0].kind, CacheRecord::Kind::kLocalSource);
  EXPECT_GT((*listed)[0].size, 0U);
  EXPECT_EQ(*sources_->remove((*listed)[0].id), false);
  EXPECT_EQ(*sources_->remove((*listed)[1].id), true);
  EXPECT_EQ(*sources_->remove((*listed)[1].id), false);
  EXPECT_EQ(record("a"), "");
  EXPECT_EQ(text(used), "two");
}

// What was written by a transfer is known without being read.
TEST_F(LocalSourcesTest, ContentsAreRemembered) {
  open();
  const auto use = put("a", "one");
  const UniqueFd file = *open_file(use.files() / "f", O_RDONLY);
  const std::string hex(64, 'a');
  sources_->remember(file.get(), hex);
  struct stat st{};
  ASSERT_EQ(::fstat(file.get(), &st), 0);
  EXPECT_EQ(stats_->find(st), hex);
}

}  // namespace
}  // namespace skiff::builder
