// What the content store notices of damage, and how it mends it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strings.h"
#include "content/content_store.h"
#include "content/layout.h"
#include "content/quarantine.h"

namespace skiff::content {
namespace {

class CheckTest : public testing::Test {
 protected:
  CheckTest() { reopen(); }

  void reopen() {
    store_.reset();
    auto opened = open_content_store(dir_.path());
    EXPECT_TRUE(opened) << opened.error().message();
    store_ = std::move(*opened);
  }
  oci::Digest put(std::string_view bytes) { return *write_blob(*store_, bytes); }
  Path file_of(const oci::Digest& digest) { return layout_.blob(digest); }
  Path aside(const oci::Digest& digest) { return Quarantine(layout_.quarantine()).file(digest); }
  bool is_served_from_its_place(const oci::Digest& digest) {
    return std::filesystem::exists(file_of(digest)) && !std::filesystem::exists(aside(digest));
  }
  void expect_set_aside(const oci::Digest& digest, const std::string& bytes) {
    EXPECT_FALSE(std::filesystem::exists(file_of(digest)));
    EXPECT_EQ(*read_file(aside(digest)), bytes);
    EXPECT_TRUE(store_->info(digest)->damaged);
    EXPECT_EQ(store_->open(digest).error().code(), Code::kDataLoss);
    EXPECT_EQ(store_->verify(digest).error().code(), Code::kDataLoss);
  }
  // Other bytes of the same length; with `unseen` the file looks untouched, as after bit rot.
  void spoil(const oci::Digest& digest, bool unseen = false) {
    struct stat before{};
    ASSERT_EQ(::stat(file_of(digest).c_str(), &before), 0);
    ::chmod(file_of(digest).c_str(), 0644);
    const UniqueFd fd = *open_file(file_of(digest), O_WRONLY);
    ASSERT_EQ(::pwrite(fd.get(), "#", 1, 0), 1);
    timespec times[2] = {before.st_atim, before.st_mtim};
    if (!unseen) times[1].tv_nsec ^= 1;
    ASSERT_EQ(::futimens(fd.get(), times), 0);
  }
  std::vector<Problem> check(const CheckOptions& options = {}) {
    std::vector<Problem> problems;
    const auto checked = store_->check(options, [&](const Problem& p) { problems.push_back(p); });
    EXPECT_TRUE(checked) << checked.error().message();
    return problems;
  }
  // Repairs, then finds nothing more.
  void expect_mended(size_t count, const CheckOptions& options = {.repair = true}) {
    const auto problems = check(options);
    EXPECT_EQ(problems.size(), count);
    for (const Problem& problem : problems) EXPECT_TRUE(problem.mended) << problem.what;
    EXPECT_TRUE(check({.deep = true}).empty());
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-check-");
  Layout layout_{dir_.path()};
  std::unique_ptr<ContentStore> store_;
};

TEST_F(CheckTest, AWholeStoreHasNoProblems) {
  put("one");
  put("two");
  put("");
  const auto open = store_->ingest("in flight");
  ASSERT_TRUE((*open)->write("half"));
  EXPECT_TRUE(check({.deep = true, .repair = true}).empty());
  EXPECT_TRUE((*open)->write("the other half"));
}

TEST_F(CheckTest, ALostFileIsNoticedAndTheBlobCanBeStoredAgain) {
  const oci::Digest digest = put("hello");
  std::filesystem::remove(file_of(digest));
  const auto opened = store_->open(digest);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::kDataLoss);
  EXPECT_NE(opened.error().message().find("its file is gone"), std::string::npos);
  EXPECT_EQ(store_->verify(digest).error().code(), Code::kDataLoss);
  EXPECT_TRUE(store_->info(digest)->damaged);
  put("hello");
  EXPECT_TRUE(store_->verify(digest));
  EXPECT_FALSE(store_->info(digest)->damaged);
  EXPECT_EQ(*read_blob(*store_, digest), "hello");
}

TEST_F(CheckTest, AFileOfAnotherLengthIsNoticed) {
  const oci::Digest digest = put("hello");
  ASSERT_EQ(::truncate(file_of(digest).c_str(), 3), 0);
  const auto problems = check();
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].what,
            cat("blob ", digest.str(), " is damaged: its file has 3 bytes, not 5"));
  EXPECT_EQ(problems[0].where, aside(digest).native());
  EXPECT_FALSE(problems[0].mended);
  expect_mended(1);
  EXPECT_EQ(store_->info(digest).error().code(), Code::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(file_of(digest)));
}

TEST_F(CheckTest, ChangedContentIsReadWhereTheFileWasTouched) {
  const oci::Digest digest = put("hello");
  spoil(digest);
  EXPECT_EQ(store_->verify(digest).error().code(), Code::kDataLoss);
  // Remembered, also by the next daemon.
  reopen();
  EXPECT_EQ(store_->open(digest).error().code(), Code::kDataLoss);
  EXPECT_EQ(check().size(), 1u);
  put("hello");
  EXPECT_EQ(*read_blob(*store_, digest), "hello");
  EXPECT_TRUE(check({.deep = true}).empty());
}

TEST_F(CheckTest, RotIsFoundByReadingAll) {
  const oci::Digest digest = put("hello");
  spoil(digest, true);
  EXPECT_TRUE(store_->verify(digest));
  EXPECT_TRUE(check().empty());
  EXPECT_EQ(check({.deep = true}).size(), 1u);
  EXPECT_EQ(check().size(), 1u) << "forgotten";
  expect_mended(1);
}

TEST_F(CheckTest, ADamagedFileIsSetAsideUntilItsBlobIsStoredAgain) {
  const oci::Digest digest = put("hello");
  spoil(digest, true);
  ASSERT_EQ(check({.deep = true}).size(), 1u);
  expect_set_aside(digest, "#ello");
  reopen();
  expect_set_aside(digest, "#ello");
  const auto problems = check();
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].what,
            cat("blob ", digest.str(), " is damaged: its content is not what it was"));
  EXPECT_EQ(problems[0].where, aside(digest).native());
  put("hello");
  EXPECT_EQ(*read_blob(*store_, digest), "hello");
  EXPECT_TRUE(is_served_from_its_place(digest));
  EXPECT_TRUE(check({.deep = true}).empty());
}

TEST_F(CheckTest, NothingIsSetAsideOnceTheRecordsAreLost) {
  const oci::Digest blobs[] = {put("one"), put("two")};
  for (const oci::Digest& blob : blobs) spoil(blob);
  const auto checked = store_->check({}, [&](const Problem&) {
    std::filesystem::rename(layout_.database(), dir_.path() / "away");
  });
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code(), Code::kUnavailable);
  EXPECT_NE(is_served_from_its_place(blobs[0]), is_served_from_its_place(blobs[1]));
}

TEST_F(CheckTest, WhatOpenSeesIsSetAside) {
  const oci::Digest digest = put("hello");
  ASSERT_EQ(::truncate(file_of(digest).c_str(), 3), 0);
  EXPECT_FALSE(store_->open(digest));
  expect_set_aside(digest, "hel");
}

// The row is written first, so a kill leaves the file under its name.
TEST_F(CheckTest, WhatAKillKeptFromBeingSetAsideIsSetAsideByTheNextWhoLooks) {
  for (const bool by_open : {true, false}) {
    const oci::Digest digest = put("hello");
    spoil(digest, true);
    EXPECT_FALSE(store_->verify(digest, {.always = true}));
    std::filesystem::rename(aside(digest), file_of(digest));
    reopen();
    EXPECT_FALSE(by_open ? store_->open(digest).has_value() : store_->verify(digest).has_value());
    expect_set_aside(digest, "#ello");
    put("hello");
  }
}

// What stat() sees of it is right, and the disk gives none of it (EIO).
class UnreadTest : public CheckTest {
 protected:
  void break_disk() {
    std::filesystem::rename(file_of(digest_), kept_);
    std::filesystem::create_symlink("/proc/self/mem", file_of(digest_));
  }
  void mend_disk() { std::filesystem::rename(kept_, file_of(digest_)); }
  void expect_left_where_it_is() {
    EXPECT_TRUE(std::filesystem::is_symlink(file_of(digest_)));
    EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(aside(digest_))));
    EXPECT_EQ(store_->open(digest_).error().code(), Code::kDataLoss);
  }

  oci::Digest digest_ = put("");
  Path kept_ = dir_.path() / "kept";
};

TEST_F(UnreadTest, IsRefusedLeftWhereItIsAndReadAgain) {
  break_disk();
  EXPECT_EQ(store_->verify(digest_).error().code(), Code::kDataLoss);
  expect_left_where_it_is();
  reopen();
  for (const bool repair : {false, true}) {
    const auto problems = check({.repair = repair});
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_FALSE(problems[0].mended);
    EXPECT_EQ(problems[0].where, file_of(digest_).native());
    expect_left_where_it_is();
  }
  mend_disk();
  EXPECT_TRUE(check().empty());
  EXPECT_FALSE(store_->info(digest_)->damaged);
  EXPECT_EQ(*read_blob(*store_, digest_), "");
}

TEST_F(UnreadTest, IsReplacedByTheNextWhoStoresIt) {
  break_disk();
  EXPECT_EQ(check().size(), 1u);
  put("");
  EXPECT_FALSE(std::filesystem::is_symlink(file_of(digest_)));
  EXPECT_TRUE(check({.deep = true}).empty());
}

TEST_F(CheckTest, AQuarantinedFileOfABlobThatIsNotMissingIsToldAndRemoved) {
  const oci::Digest stored = put("hello");
  const Path shelf = aside(stored).parent_path();
  ASSERT_TRUE(make_directories(shelf));
  for (const std::string& name :
       {stored.hex(), oci::Digest::of("removed").hex(), std::string("noise")}) {
    ASSERT_TRUE(write_file(shelf / name, "hullo"));
  }
  EXPECT_EQ(check().size(), 3u);
  expect_mended(3);
  EXPECT_TRUE(std::filesystem::is_empty(shelf));
  EXPECT_EQ(*read_blob(*store_, stored), "hello");
}

TEST_F(CheckTest, WithTheBlobGoesWhatWasSetAside) {
  for (const bool by_remove : {true, false}) {
    const oci::Digest digest = put("hello");
    spoil(digest);
    EXPECT_FALSE(store_->verify(digest));
    ASSERT_TRUE(std::filesystem::exists(aside(digest)));
    if (by_remove) {
      EXPECT_TRUE(store_->remove(digest));
    } else {
      EXPECT_TRUE(store_->collect({}));
    }
    EXPECT_FALSE(std::filesystem::exists(aside(digest)));
    EXPECT_TRUE(check().empty());
  }
}

// Does something, once, when it is asked.
class ActingClock : public Clock {
 public:
  TimePoint now() const override {
    if (act) std::exchange(act, {})();
    return system().now();
  }
  mutable std::function<void()> act;
};

TEST_F(CheckTest, ABlobThatIsRemovedWhileItIsReadIsNotCalledWhole) {
  store_.reset();
  ActingClock clock;
  store_ = *open_content_store(dir_.path(), DurableFiles::system(), clock);
  const oci::Digest digest = put("hello");
  clock.act = [&] { ASSERT_TRUE(store_->remove(digest)); };
  const auto verified = store_->verify(digest, {.always = true});
  ASSERT_FALSE(clock.act);
  ASSERT_FALSE(verified);
  EXPECT_EQ(verified.error().code(), Code::kNotFound);
  store_.reset();
}

TEST_F(CheckTest, ABlobThatIsRemovedWhileItIsLookedAtIsNotCalledDamaged) {
  const oci::Digest digest = oci::Digest::of("now and then");
  std::atomic<bool> done = false;
  std::thread owner([&] {
    for (int i = 0; i < 200; ++i) {
      put("now and then");
      EXPECT_TRUE(store_->remove(digest));
    }
    done = true;
  });
  while (!done) {
    const auto verified = store_->verify(digest);
    const bool is_right = verified || verified.error().code() == Code::kNotFound;
    EXPECT_TRUE(is_right) << verified.error().message();
  }
  owner.join();
}

TEST_F(CheckTest, ADamagedBlobThatSomebodyHoldsStays) {
  const oci::Digest digest = put("hello");
  spoil(digest);
  {
    const auto lease = *store_->lease();
    ASSERT_TRUE(lease->hold(digest));
    const auto problems = check({.repair = true});
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_FALSE(problems[0].mended);
    EXPECT_TRUE(store_->info(digest)->damaged);
  }
  expect_mended(1);
}

TEST_F(CheckTest, ATouchedFileThatIsWholeIsFine) {
  const oci::Digest digest = put("hello");
  ASSERT_EQ(::utimensat(AT_FDCWD, file_of(digest).c_str(), nullptr, 0), 0);
  EXPECT_TRUE(check().empty());
  EXPECT_TRUE(store_->verify(digest));
}

TEST_F(CheckTest, WhatIsReadAgainAndRightIsNoLongerDamaged) {
  const oci::Digest digest = put("hello");
  const Path file = file_of(digest);
  std::filesystem::rename(file, dir_.path() / "aside");
  EXPECT_EQ(check().size(), 1u);
  std::filesystem::rename(dir_.path() / "aside", file);
  EXPECT_TRUE(check({.deep = true}).empty());
  EXPECT_EQ(*read_blob(*store_, digest), "hello");
}

TEST_F(CheckTest, StrayFilesGoAndBlobsWithoutARowAreTakenIn) {
  const oci::Digest orphan = oci::Digest::of("orphan");
  const oci::Digest other = oci::Digest::of("something else");
  for (const oci::Digest& digest : {orphan, other}) {
    ASSERT_TRUE(make_directories(file_of(digest).parent_path()));
    ASSERT_TRUE(write_file(file_of(digest), "orphan"));
  }
  ASSERT_TRUE(write_file(layout_.blobs() / "sha256" / "stray", "noise"));
  EXPECT_EQ(check().size(), 3u);
  expect_mended(3);
  EXPECT_EQ(*read_blob(*store_, orphan), "orphan");
  EXPECT_FALSE(std::filesystem::exists(file_of(other)));
}

TEST_F(CheckTest, OnlyAnIngestThatNobodyGoesOnWithIsAProblem) {
  {
    ASSERT_TRUE((*store_->ingest("old"))->write("1") && (*store_->ingest("new"))->write("2"));
  }
  const auto written = store_->ingest("written");
  ASSERT_TRUE((*written)->write("3"));
  const timespec yesterday[2] = {{::time(nullptr) - 90'000, 0}, {::time(nullptr) - 90'000, 0}};
  for (const char* reference : {"old", "written"}) {
    ASSERT_EQ(::utimensat(AT_FDCWD, layout_.ingest(reference).c_str(), yesterday, 0), 0);
  }
  const auto once = store_->ingest("");
  ASSERT_TRUE((*once)->write("4"));
  ASSERT_TRUE(write_file(layout_.ingest(""), "whose writer is gone"));
  expect_mended(2);
  EXPECT_TRUE((*once)->write("4"));
  EXPECT_EQ((*store_->ingest("new"))->offset(), 1u);
  EXPECT_EQ((*store_->ingest("old"))->offset(), 0u);
}

TEST_F(CheckTest, AVerificationIsNoFasterThanAskedAndCanBeCancelled) {
  const oci::Digest digest = put(std::string(100'000, 'x'));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(store_->verify(digest, {.always = true, .bytes_per_second = 1'000'000}));
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(90));
  const CancelSource source;
  source.cancel();
  EXPECT_EQ(store_->verify(digest, {.always = true}, source.token()).error().code(),
            Code::kCancelled);
}

TEST_F(CheckTest, ChecksBesideCommitsAndRemovalsFindNothing) {
  std::atomic<bool> done = false;
  std::thread checker([&] {
    while (!done) {
      for (const Problem& problem : check({.deep = true, .repair = true})) {
        ADD_FAILURE() << problem.what;
      }
    }
  });
  std::vector<std::thread> writers;
  for (int t = 0; t < 3; ++t) {
    writers.emplace_back([&, t] {
      for (int i = 0; i < 40; ++i) {
        const oci::Digest digest = put(cat(t % 2, " ", i));
        if (i % 2 == 0) [[maybe_unused]]
          auto gone = store_->remove(digest);
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  done = true;
  checker.join();
  EXPECT_TRUE(check({.deep = true}).empty());
}

}  // namespace
}  // namespace skiff::content
