// Two content stores that share the files of their blobs.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "base/strings.h"
#include "content/blob_tickets.h"
#include "content/content_store.h"
#include "content/layout.h"

namespace skiff::content {
namespace {

class FailingSync : public DurableFiles {
 public:
  int fail_at = 0;
  int calls = 0;

  Result<> sync_file(int fd) override { return system().sync_file(fd); }
  Result<> rename(const Path& from, const Path& to) override { return system().rename(from, to); }
  Result<> sync_directory(const Path& directory) override {
    if (++calls == fail_at) return Error::from_errno(EIO, "fsync of a directory");
    return system().sync_directory(directory);
  }
  Result<> unlink(const Path& path) override { return system().unlink(path); }
};

class LinkTest : public testing::Test {
 protected:
  LinkTest() {
    ours_ = open("ours", files_);
    theirs_ = open("theirs", DurableFiles::system());
  }

  std::unique_ptr<ContentStore> open(const Path& name, DurableFiles& files) {
    auto store = open_content_store(dir_.path() / name, files);
    EXPECT_TRUE(store) << store.error().message();
    return std::move(*store);
  }
  Path file_of(const Path& store, const oci::Digest& digest) {
    return Layout(dir_.path() / store).blob(digest);
  }
  struct stat stat_of(const Path& store, const oci::Digest& digest) {
    struct stat st{};
    EXPECT_EQ(::stat(file_of(store, digest).c_str(), &st), 0);
    return st;
  }
  bool is_shared(const oci::Digest& digest) {
    return stat_of("ours", digest).st_ino == stat_of("theirs", digest).st_ino;
  }
  // Other bytes of the same length; with `unseen` the file looks untouched, as after bit rot.
  void spoil(const Path& store, const oci::Digest& digest, bool unseen = false) {
    const struct stat before = stat_of(store, digest);
    const Path file = file_of(store, digest);
    ::chmod(file.c_str(), 0644);
    const UniqueFd fd = *open_file(file, O_WRONLY);
    ASSERT_EQ(::pwrite(fd.get(), "#", 1, 0), 1);
    timespec times[2] = {before.st_atim, before.st_mtim};
    if (!unseen) times[1].tv_nsec ^= 1;
    ASSERT_EQ(::futimens(fd.get(), times), 0);
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-link-");
  FailingSync files_;
  std::unique_ptr<ContentStore> ours_;
  std::unique_ptr<ContentStore> theirs_;
};

TEST_F(LinkTest, ALinkedBlobIsOneFileOfTwoStores) {
  const oci::Digest digest = *write_blob(*theirs_, "hello");
  const auto linked = ours_->link_from(*theirs_, digest);
  ASSERT_TRUE(linked) << linked.error().message();
  EXPECT_EQ(linked->size, 5u);
  EXPECT_EQ(*read_blob(*ours_, digest), "hello");
  EXPECT_TRUE(is_shared(digest));
  EXPECT_EQ(stat_of("ours", digest).st_nlink, 2u);
  EXPECT_TRUE(ours_->verify(digest, {.always = true}));
  EXPECT_TRUE(theirs_->verify(digest, {.always = true}));
}

TEST_F(LinkTest, RemovalInOneStoreLeavesTheOtherWhole) {
  const oci::Digest digest = *write_blob(*theirs_, "hello");
  ASSERT_TRUE(ours_->link_from(*theirs_, digest));
  ASSERT_TRUE(theirs_->remove(digest));
  EXPECT_EQ(*read_blob(*ours_, digest), "hello");
  ASSERT_TRUE(theirs_->link_from(*ours_, digest));
  EXPECT_EQ(*ours_->collect({}), 5u);
  EXPECT_EQ(*read_blob(*theirs_, digest), "hello");
}

TEST_F(LinkTest, LinkingWhatIsHereRenewsIt) {
  const oci::Digest digest = *write_blob(*theirs_, "hello");
  ASSERT_TRUE(write_blob(*ours_, "hello"));
  const TimePoint before = ours_->info(digest)->created;
  const auto linked = ours_->link_from(*theirs_, digest);
  ASSERT_TRUE(linked);
  EXPECT_GT(linked->created, before);
  EXPECT_FALSE(is_shared(digest));
}

TEST_F(LinkTest, ItRemembersWhenTheOtherStoreHashedIt) {
  const oci::Digest digest = *write_blob(*theirs_, "hello");
  const TimePoint verified = theirs_->info(digest)->verified;
  EXPECT_EQ(ours_->link_from(*theirs_, digest)->verified, verified);
}

TEST_F(LinkTest, WhatIsNotThereOrNotWholeIsNotLinked) {
  EXPECT_EQ(ours_->link_from(*theirs_, oci::Digest::of("none")).error().code(), Code::kNotFound);
  const oci::Digest cut = *write_blob(*theirs_, "a blob to cut");
  ASSERT_EQ(::truncate(file_of("theirs", cut).c_str(), 3), 0);
  EXPECT_EQ(ours_->link_from(*theirs_, cut).error().code(), Code::kDataLoss);
  const oci::Digest changed = *write_blob(*theirs_, "a blob to change");
  spoil("theirs", changed);
  EXPECT_EQ(ours_->link_from(*theirs_, changed).error().code(), Code::kDataLoss);
  EXPECT_EQ(ours_->info(cut).error().code(), Code::kNotFound);
  EXPECT_EQ(ours_->info(changed).error().code(), Code::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(file_of("ours", changed)));
}

TEST_F(LinkTest, ATouchedBlobIsHashedBeforeItIsLinked) {
  const oci::Digest digest = *write_blob(*theirs_, "hello");
  const TimePoint verified = theirs_->info(digest)->verified;
  const timespec long_ago[2] = {{1, 0}, {1, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, file_of("theirs", digest).c_str(), long_ago, 0), 0);
  const auto linked = ours_->link_from(*theirs_, digest);
  ASSERT_TRUE(linked) << linked.error().message();
  EXPECT_GT(linked->verified, verified);
}

TEST_F(LinkTest, ADamagedBlobOfOursIsReplacedByAWholeOne) {
  const oci::Digest digest = *write_blob(*theirs_, "hello");
  ASSERT_TRUE(write_blob(*ours_, "hello"));
  spoil("ours", digest);
  ASSERT_TRUE(ours_->link_from(*theirs_, digest));
  EXPECT_EQ(*read_blob(*ours_, digest), "hello");
  EXPECT_TRUE(ours_->verify(digest, {.always = true}));
}

TEST_F(LinkTest, ADamagedFileOfBothIsNotLinkedAgain) {
  const oci::Digest digest = *write_blob(*theirs_, "hello");
  ASSERT_TRUE(ours_->link_from(*theirs_, digest));
  spoil("ours", digest, true);
  ASSERT_FALSE(ours_->verify(digest, {.always = true}));
  EXPECT_TRUE(theirs_->open(digest)) << "nobody has told them";
  EXPECT_EQ(ours_->link_from(*theirs_, digest).error().code(), Code::kDataLoss);
  EXPECT_EQ(theirs_->open(digest).error().code(), Code::kDataLoss);
}

TEST_F(LinkTest, AFailureOfAnyStepLeavesNothingAndMayBeTriedAgain) {
  int failures = 0;
  for (int step = 1;; ++step) {
    const oci::Digest digest = *write_blob(*theirs_, cat("blob ", step));
    files_.calls = 0;
    files_.fail_at = step;
    const auto linked = ours_->link_from(*theirs_, digest);
    files_.fail_at = 0;
    if (linked) break;
    ++failures;
    EXPECT_FALSE(ours_->info(digest));
    EXPECT_FALSE(std::filesystem::exists(file_of("ours", digest)));
    EXPECT_TRUE(ours_->link_from(*theirs_, digest)) << "step " << step;
  }
  EXPECT_EQ(failures, 2);  // fsync of the parent, fsync of the directory
}

TEST_F(LinkTest, ALinkWithoutItsRowIsTakenInAtTheNextStart) {
  const oci::Digest digest = *write_blob(*theirs_, "hello");
  const Path file = file_of("ours", digest);
  ASSERT_TRUE(make_directories(file.parent_path()));
  ASSERT_EQ(::link(file_of("theirs", digest).c_str(), file.c_str()), 0);
  ours_.reset();
  ours_ = open("ours", files_);
  EXPECT_EQ(*read_blob(*ours_, digest), "hello");
  EXPECT_TRUE(theirs_->verify(digest));
}

TEST_F(LinkTest, AnotherFileSystemGivesNoLink) {
  auto elsewhere = TempDir::make("/dev/shm", "skiff-link-");
  struct stat here{};
  struct stat there{};
  if (!elsewhere || ::stat(dir_.path().c_str(), &here) != 0 ||
      ::stat(elsewhere->path().c_str(), &there) != 0 || here.st_dev == there.st_dev) {
    GTEST_SKIP() << "no second file system at /dev/shm";
  }
  const auto far = *open_content_store(elsewhere->path());
  const oci::Digest digest = *write_blob(*far, "hello");
  EXPECT_EQ(ours_->link_from(*far, digest).error().sys_errno(), EXDEV);
  EXPECT_EQ(ours_->info(digest).error().code(), Code::kNotFound);
  EXPECT_EQ(*read_blob(*far, digest), "hello");
}

TEST_F(LinkTest, AStoreDoesNotLinkFromItself) {
  const oci::Digest digest = *write_blob(*ours_, "hello");
  EXPECT_EQ(ours_->link_from(*ours_, digest).error().code(), Code::kFailedPrecondition);
}

TEST_F(LinkTest, AFileBecomesABlobWithoutACopy) {
  const Path file = dir_.path() / "layer.tar";
  ASSERT_TRUE(write_file(file, "hello"));
  const oci::Digest digest = oci::Digest::of("hello");
  auto lease = *ours_->lease();
  const auto linked = ours_->link_file(file, digest, lease.get());
  ASSERT_TRUE(linked) << linked.error().message();
  EXPECT_EQ(linked->size, 5u);
  struct stat st{};
  ASSERT_EQ(::stat(file.c_str(), &st), 0);
  EXPECT_EQ(st.st_ino, stat_of("ours", digest).st_ino);
  EXPECT_EQ(st.st_mode & 0777U, 0444u);
  ASSERT_TRUE(ours_->link_file(file, digest, nullptr));
  EXPECT_EQ(*ours_->collect({}), 0u) << "it is leased";
  // Either name outlives the other.
  std::filesystem::remove(file);
  EXPECT_EQ(*read_blob(*ours_, digest), "hello");
  EXPECT_TRUE(ours_->verify(digest, {.always = true}));
  lease.reset();
  EXPECT_EQ(*ours_->collect({}), 5u);
}

TEST_F(LinkTest, AFileThatCannotBeLinkedLeavesNothing) {
  const Path file = dir_.path() / "layer.tar";
  EXPECT_EQ(ours_->link_file(file, oci::Digest::of("none"), nullptr).error().code(),
            Code::kNotFound);
  for (int step = 1; step <= 2; ++step) {  // fsync of the parent, fsync of the directory
    const std::string text = cat("layer ", step);
    const oci::Digest digest = oci::Digest::of(text);
    ASSERT_TRUE(write_file(file, text));
    files_.calls = 0;
    files_.fail_at = step;
    EXPECT_FALSE(ours_->link_file(file, digest, nullptr));
    files_.fail_at = 0;
    EXPECT_FALSE(ours_->info(digest));
    EXPECT_FALSE(std::filesystem::exists(file_of("ours", digest)));
    EXPECT_TRUE(ours_->link_file(file, digest, nullptr));
    std::filesystem::remove(file);
  }
}

TEST_F(LinkTest, TwoStoresLinkFromEachOtherAtOnce) {
  std::vector<oci::Digest> of_ours;
  std::vector<oci::Digest> of_theirs;
  for (int i = 0; i < 20; ++i) {
    of_ours.push_back(*write_blob(*ours_, cat("ours ", i)));
    of_theirs.push_back(*write_blob(*theirs_, cat("theirs ", i)));
  }
  std::thread other([&] {
    for (const oci::Digest& digest : of_ours) EXPECT_TRUE(theirs_->link_from(*ours_, digest));
  });
  for (const oci::Digest& digest : of_theirs) EXPECT_TRUE(ours_->link_from(*theirs_, digest));
  other.join();
  for (const oci::Digest& digest : of_ours) EXPECT_TRUE(is_shared(digest));
  for (const oci::Digest& digest : of_theirs) EXPECT_TRUE(is_shared(digest));
}

TEST_F(LinkTest, ATicketServesOnceAndForItsBlob) {
  BlobTickets tickets;
  const oci::Digest digest = oci::Digest::of("hello");
  const auto ticket = tickets.issue(*ours_, digest);
  EXPECT_FALSE(ticket.is_redeemed());
  EXPECT_EQ(tickets.redeem("no such word", digest), nullptr);
  EXPECT_EQ(tickets.redeem(ticket.word(), digest), ours_.get());
  EXPECT_TRUE(ticket.is_redeemed());
  EXPECT_EQ(tickets.redeem(ticket.word(), digest), nullptr);
  const auto other = tickets.issue(*theirs_, digest);
  EXPECT_EQ(tickets.redeem(other.word(), oci::Digest::of("hullo")), nullptr);
  EXPECT_EQ(tickets.redeem(other.word(), digest), nullptr);
  std::string word;
  {
    const auto withdrawn = tickets.issue(*ours_, digest);
    word = withdrawn.word();
  }
  EXPECT_EQ(tickets.redeem(word, digest), nullptr);
}

}  // namespace
}  // namespace skiff::content
