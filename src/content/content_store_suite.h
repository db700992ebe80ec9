// What every ContentStore does, as tests. An implementation includes this in one _test.cpp and
// writes
//
//   INSTANTIATE_TEST_SUITE_P(Local, ContentStoreSuite, testing::Values(open_local));
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <future>
#include <thread>

#include "base/random.h"
#include "base/strings.h"
#include "content/content_store.h"

namespace skiff::content {

using OpenStore =
    std::function<Result<std::unique_ptr<ContentStore>>(const Path& root, const Clock& clock)>;

class ContentStoreSuite : public testing::TestWithParam<OpenStore> {
 protected:
  void SetUp() override { reopen(); }

  void reopen() {
    store_.reset();
    auto opened = GetParam()(dir_.path() / "store", clock_);
    ASSERT_TRUE(opened) << opened.error().message();
    store_ = std::move(*opened);
  }
  oci::Digest put(std::string_view bytes, Lease* lease = nullptr) {
    auto digest = write_blob(*store_, bytes, lease);
    EXPECT_TRUE(digest) << digest.error().message();
    return *digest;
  }
  bool has(const oci::Digest& digest) { return store_->info(digest).has_value(); }
  std::set<oci::Digest> all() {
    std::set<oci::Digest> found;
    EXPECT_TRUE(store_->walk([&](const BlobInfo& blob) -> Result<> {
      found.insert(blob.digest);
      return {};
    }));
    return found;
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-content-");
  ManualClock clock_{Clock::system().now()};
  std::unique_ptr<ContentStore> store_;
};

TEST_P(ContentStoreSuite, ABlobComesBackWhole) {
  std::string bytes(300'000, 'x');
  oci::Digest digest = put(bytes);
  EXPECT_EQ(digest, oci::Digest::of(bytes));
  EXPECT_EQ(*read_blob(*store_, digest), bytes);
  auto info = store_->info(digest);
  EXPECT_EQ(info->size, bytes.size());
  EXPECT_EQ(info->created, clock_.now());
  auto reader = store_->open(digest);
  EXPECT_EQ((*reader)->size(), bytes.size());
  std::string first(10, 0);
  EXPECT_EQ(::pread((*reader)->fd(), first.data(), 10, 0), 10);
  EXPECT_EQ(first, std::string(10, 'x'));
  EXPECT_EQ(read_blob(*store_, digest, 1000).error().code(), Code::kResourceExhausted);
}

TEST_P(ContentStoreSuite, TheEmptyBlobIsABlob) {
  oci::Digest digest = put("");
  EXPECT_EQ(*read_blob(*store_, digest), "");
}

TEST_P(ContentStoreSuite, Sha512BlobsToo) {
  auto ingest = store_->ingest("r", HashAlgorithm::kSha512);
  ASSERT_TRUE(ingest && (*ingest)->write("hello"));
  oci::Digest digest = oci::Digest::of("hello", HashAlgorithm::kSha512);
  EXPECT_EQ((*ingest)->digest(), digest);
  ASSERT_TRUE(store_->commit(**ingest, digest));
  EXPECT_EQ(*read_blob(*store_, digest), "hello");
  EXPECT_FALSE(has(oci::Digest::of("hello")));
}

TEST_P(ContentStoreSuite, TheExpectedDigestMayBeOfAnotherAlgorithm) {
  auto ingest = store_->ingest("r");
  ASSERT_TRUE(ingest && (*ingest)->write("hello"));
  oci::Digest digest = oci::Digest::of("hello", HashAlgorithm::kSha512);
  ASSERT_TRUE(store_->commit(**ingest, digest));
  EXPECT_EQ(*read_blob(*store_, digest), "hello");
}

TEST_P(ContentStoreSuite, NothingIsVisibleBeforeCommit) {
  auto ingest = store_->ingest("r");
  ASSERT_TRUE((*ingest)->write("hello"));
  EXPECT_EQ(store_->info((*ingest)->digest()).error().code(), Code::kNotFound);
  EXPECT_EQ(store_->open((*ingest)->digest()).error().code(), Code::kNotFound);
  EXPECT_TRUE(all().empty());
}

TEST_P(ContentStoreSuite, AnInterruptedIngestContinues) {
  {
    auto ingest = store_->ingest("r");
    ASSERT_TRUE((*ingest)->write("hello "));
  }
  reopen();
  auto ingest = store_->ingest("r");
  EXPECT_EQ((*ingest)->offset(), 6u);
  EXPECT_EQ((*ingest)->digest(), oci::Digest::of("hello "));
  ASSERT_TRUE((*ingest)->write("world"));
  ASSERT_TRUE(store_->commit(**ingest, oci::Digest::of("hello world")));
  EXPECT_FALSE((*ingest)->write("more"));
  ingest->reset();
  EXPECT_EQ((*store_->ingest("r"))->offset(), 0u);
}

TEST_P(ContentStoreSuite, AnInterruptedIngestContinuesInTheSameStore) {
  for (const std::string_view part : {"hel", "lo ", "world"}) {
    auto ingest = store_->ingest("r");
    ASSERT_TRUE((*ingest)->write(part));
  }
  auto ingest = store_->ingest("r");
  ASSERT_EQ((*ingest)->offset(), 11u);
  ASSERT_TRUE((*ingest)->write("!"));
  ASSERT_TRUE(store_->commit(**ingest, oci::Digest::of("hello world!")));
}

TEST_P(ContentStoreSuite, AFollowerReadsWhatIsWritten) {
  const std::string bytes = random_bytes(3'000'000);
  auto ingest = store_->ingest("r");
  auto tail = (*ingest)->follow(bytes.size(), {});
  ASSERT_TRUE(tail);
  auto read = std::async(std::launch::async, [&] { return read_all(**tail, bytes.size() + 1); });
  for (size_t at = 0; at < bytes.size(); at += 10'000) {
    ASSERT_TRUE((*ingest)->write(std::string_view(bytes).substr(at, 10'000)));
  }
  // Before the commit: the end is where it was said to be.
  const auto got = read.get();
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(*got, bytes);
}

TEST_P(ContentStoreSuite, AFollowerGoesOnAfterAReset) {
  auto ingest = store_->ingest("r");
  ASSERT_TRUE((*ingest)->write("hello"));
  auto tail = (*ingest)->follow(11, {});
  std::array<char, 5> head;
  auto read = std::async(std::launch::async, [&]() -> Result<std::string> {
    TRY(read_full(**tail, head));
    return read_all(**tail, 100);
  });
  ASSERT_TRUE((*ingest)->reset() && (*ingest)->write("hello") && (*ingest)->write(" world"));
  EXPECT_EQ(read.get().value(), " world");
}

// Reads what follows, in a thread of its own, and lets go of it then.
inline std::future<Result<std::string>> read_in_passing(std::unique_ptr<Source> tail, size_t most) {
  return std::async(std::launch::async,
                    [tail = std::move(tail), most]() mutable -> Result<std::string> {
                      const std::unique_ptr<Source> source = std::move(tail);
                      std::string read(most, 0);
                      read.resize(TRY(read_full(*source, read)));
                      return read;
                    });
}

TEST_P(ContentStoreSuite, WhatIsFollowedIsStoredWhole) {
  const std::string bytes = random_bytes(9'000'001);
  std::future<Result<std::string>> read;  // outlives the ingest, which lets it end
  auto ingest = store_->ingest("r");
  read = read_in_passing(*(*ingest)->follow(bytes.size(), {}), bytes.size());
  ASSERT_TRUE((*ingest)->write(bytes));
  ASSERT_TRUE(store_->commit(**ingest, oci::Digest::of(bytes)));
  EXPECT_TRUE(read.get().value() == bytes);
  EXPECT_TRUE(read_blob(*store_, oci::Digest::of(bytes)).value() == bytes);
}

TEST_P(ContentStoreSuite, AFollowerThatGivesUpStopsNobody) {
  const std::string bytes = random_bytes(9'000'001);
  std::future<Result<std::string>> read;  // outlives the ingest, which lets it end
  auto ingest = store_->ingest("r");
  read = read_in_passing(*(*ingest)->follow(bytes.size(), {}), 10);
  ASSERT_TRUE((*ingest)->write(bytes));
  ASSERT_TRUE(store_->commit(**ingest, oci::Digest::of(bytes)));
  EXPECT_TRUE(read_blob(*store_, oci::Digest::of(bytes)).value() == bytes);
}

TEST_P(ContentStoreSuite, AFollowedIngestThatBrokeOffIsContinued) {
  const std::string bytes = random_bytes(5'000'001);
  {
    std::future<Result<std::string>> read;
    auto ingest = store_->ingest("r");
    read = read_in_passing(*(*ingest)->follow(bytes.size(), {}), bytes.size());
    ASSERT_TRUE((*ingest)->write(bytes.substr(0, 4'000'000)));
    ingest->reset();
    EXPECT_EQ(read.get().error().code(), Code::kUnavailable);
  }
  auto ingest = store_->ingest("r");
  ASSERT_EQ((*ingest)->offset(), 4'000'000U);
  ASSERT_TRUE((*ingest)->write(bytes.substr(4'000'000)));
  ASSERT_TRUE(store_->commit(**ingest, oci::Digest::of(bytes)));
}

TEST_P(ContentStoreSuite, AFollowedIngestThatNobodyContinuesEndsItsReader) {
  const std::string bytes = random_bytes(5'000'001);
  std::future<Result<std::string>> read;
  auto ingest = store_->ingest("");
  read = read_in_passing(*(*ingest)->follow(bytes.size(), {}), bytes.size());
  ASSERT_TRUE((*ingest)->write(bytes.substr(0, 4'000'000)));
  ingest->reset();
  EXPECT_EQ(read.get().error().code(), Code::kUnavailable);
}

TEST_P(ContentStoreSuite, AFollowedIngestStartsAgain) {
  const std::string bytes = random_bytes(5'000'001);
  std::future<Result<std::string>> read;  // outlives the ingest, which lets it end
  auto ingest = store_->ingest("r");
  read = read_in_passing(*(*ingest)->follow(bytes.size(), {}), bytes.size());
  ASSERT_TRUE((*ingest)->write(bytes.substr(0, 4'000'000)) && (*ingest)->reset());
  ASSERT_TRUE((*ingest)->write(bytes));
  ASSERT_TRUE(store_->commit(**ingest, oci::Digest::of(bytes)));
  EXPECT_TRUE(read.get().value() == bytes);
}

TEST_P(ContentStoreSuite, AFollowerIsToldWhenNoMoreComes) {
  auto ingest = store_->ingest("r");
  auto gone = (*ingest)->follow(11, {});
  ASSERT_TRUE((*ingest)->write("hello"));
  CancelSource cancel;
  auto cancelled = (*ingest)->follow(11, cancel.token());
  cancel.cancel();
  EXPECT_EQ(read_all(**cancelled, 100).error().code(), Code::kCancelled);
  ingest->reset();
  EXPECT_EQ(read_all(**gone, 100).error().code(), Code::kUnavailable);
}

TEST_P(ContentStoreSuite, ResetStartsFromNothing) {
  auto ingest = store_->ingest("r");
  ASSERT_TRUE((*ingest)->write("wrong") && (*ingest)->reset() && (*ingest)->write("right"));
  EXPECT_EQ((*ingest)->offset(), 5u);
  ASSERT_TRUE(store_->commit(**ingest, oci::Digest::of("right")));
}

TEST_P(ContentStoreSuite, OneWriterAReference) {
  auto first = store_->ingest("r");
  EXPECT_EQ(store_->ingest("r").error().code(), Code::kUnavailable);
  EXPECT_EQ(store_->abort("r").error().code(), Code::kUnavailable);
  EXPECT_TRUE(store_->ingest("other/../r \n"));
  first->reset();
  EXPECT_TRUE(store_->ingest("r"));
}

TEST_P(ContentStoreSuite, AbortForgetsTheBytes) {
  {
    ASSERT_TRUE((*store_->ingest("r"))->write("hello"));
  }
  EXPECT_TRUE(store_->abort("r"));
  EXPECT_TRUE(store_->abort("never there"));
  EXPECT_EQ((*store_->ingest("r"))->offset(), 0u);
}

TEST_P(ContentStoreSuite, AnIngestWithoutAReferenceIsGoneWithTheObject) {
  {
    auto first = store_->ingest("");
    auto second = store_->ingest("");
    ASSERT_TRUE(first && second && (*first)->write("hello") && (*second)->write("hello"));
    ASSERT_TRUE(store_->commit(**second, oci::Digest::of("hello")));
  }
  EXPECT_EQ(*store_->abort_idle(), 0u);
  EXPECT_TRUE(store_->info(oci::Digest::of("hello")));
}

TEST_P(ContentStoreSuite, AbortIdleLeavesWhatIsBeingWritten) {
  {
    ASSERT_TRUE((*store_->ingest("idle"))->write("hello"));
  }
  auto open = store_->ingest("open");
  ASSERT_TRUE((*open)->write("hello"));
  EXPECT_EQ(*store_->idle_bytes({}), 5u);
  EXPECT_EQ(*store_->idle_bytes({"idle"}), 0u);
  EXPECT_EQ(*store_->abort_idle(), 5u);
  EXPECT_EQ(*store_->idle_bytes({}), 0u);
  EXPECT_EQ((*store_->ingest("idle"))->offset(), 0u);
  EXPECT_TRUE((*open)->write(" again"));
  EXPECT_TRUE(store_->commit(**open, oci::Digest::of("hello again")));
}

TEST_P(ContentStoreSuite, AWrongDigestIsRefusedAndTheIngestDropped) {
  {
    auto ingest = store_->ingest("r");
    ASSERT_TRUE((*ingest)->write("hello"));
    auto wrong = store_->commit(**ingest, oci::Digest::of("hullo"));
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code(), Code::kDataLoss);
    EXPECT_NE(wrong.error().message().find(oci::Digest::of("hullo").str()), std::string::npos);
  }
  EXPECT_TRUE(all().empty());
  EXPECT_EQ((*store_->ingest("r"))->offset(), 0u);
}

TEST_P(ContentStoreSuite, CommittingWhatIsThereSucceedsAndRenews) {
  oci::Digest digest = put("hello");
  clock_.advance(std::chrono::hours(1));
  put("hello");
  EXPECT_EQ(store_->info(digest)->created, clock_.now());
  EXPECT_EQ(all().size(), 1u);
}

TEST_P(ContentStoreSuite, ManyThreadsCommitTheSameAndOtherBlobs) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        put(cat("shared ", i));
        put(cat("own ", t, " ", i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(all().size(), 90u);
  for (const oci::Digest& digest : all()) EXPECT_TRUE(read_blob(*store_, digest));
}

TEST_P(ContentStoreSuite, ARemovedBlobStaysReadableForWhoHasItOpen) {
  oci::Digest digest = put("hello");
  auto reader = store_->open(digest);
  ASSERT_TRUE(store_->remove(digest));
  EXPECT_EQ(*read_all(**reader, 100), "hello");
  EXPECT_FALSE(has(digest));
  EXPECT_EQ(store_->remove(digest).error().code(), Code::kNotFound);
  put("hello");
  EXPECT_TRUE(has(digest));
}

TEST_P(ContentStoreSuite, CollectKeepsWhatIsKeptLeasedOrYoung) {
  auto lease = store_->lease();
  oci::Digest garbage = put("garbage");
  oci::Digest kept = put("kept");
  oci::Digest leased = put("leased", lease->get());
  clock_.advance(std::chrono::seconds(60));
  oci::Digest young = put("young");

  EXPECT_EQ(*store_->collect({kept}, std::chrono::seconds(30)), 7u);
  EXPECT_EQ(all(), (std::set<oci::Digest>{kept, leased, young}));
  EXPECT_EQ(*store_->collect({kept}), 5u);
  lease->reset();
  EXPECT_EQ(*store_->collect({kept}), 6u);
  EXPECT_EQ(all(), (std::set<oci::Digest>{kept}));
  EXPECT_FALSE(has(garbage));
}

TEST_P(ContentStoreSuite, CollectAmongTakesTheseUnlessLeased) {
  auto lease = store_->lease();
  const oci::Digest garbage = put("garbage");
  const oci::Digest other = put("other");
  const oci::Digest leased = put("leased", lease->get());
  EXPECT_EQ(*store_->collect_among({garbage, leased, oci::Digest::of("never here")}), 7u);
  EXPECT_EQ(all(), (std::set<oci::Digest>{other, leased}));
}

TEST_P(ContentStoreSuite, TwoLeasesOfOneBlobEachProtectIt) {
  auto first = store_->lease();
  auto second = store_->lease();
  oci::Digest digest = put("blob", first->get());
  ASSERT_TRUE((*second)->hold(digest) && (*second)->hold(digest));
  first->reset();
  EXPECT_EQ(*store_->collect({}), 0u);
  second->reset();
  EXPECT_EQ(*store_->collect({}), 4u);
}

TEST_P(ContentStoreSuite, CollectBesideCommitsTakesNothingThatIsLeased) {
  std::atomic<bool> done = false;
  std::thread collector([&] {
    while (!done) EXPECT_TRUE(store_->collect({}));
  });
  for (int i = 0; i < 50; ++i) {
    auto lease = store_->lease();
    oci::Digest digest = put("the same blob every time", lease->get());
    EXPECT_TRUE(read_blob(*store_, digest)) << i;
  }
  done = true;
  collector.join();
}

TEST_P(ContentStoreSuite, AWalkSeesEachBlobOnceAndMayChangeTheStore) {
  for (int i = 0; i < 600; ++i) put(cat("blob ", i));
  int seen = 0;
  ASSERT_TRUE(store_->walk([&](const BlobInfo& blob) -> Result<> {
    ++seen;
    return store_->remove(blob.digest);
  }));
  EXPECT_EQ(seen, 600);
  EXPECT_TRUE(all().empty());
}

TEST_P(ContentStoreSuite, EverythingIsThereAfterReopening) {
  oci::Digest digest = put("hello");
  BlobInfo before = *store_->info(digest);
  reopen();
  EXPECT_EQ(*read_blob(*store_, digest), "hello");
  EXPECT_EQ(store_->info(digest)->created, before.created);
}

}  // namespace skiff::content
