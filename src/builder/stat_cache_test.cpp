#include "builder/stat_cache.h"

#include <sys/inotify.h>

#include <array>
#include <set>

#include "builder/build_fixture.h"
#include "codec/hash.h"

namespace skiff::builder {
namespace {

constexpr auto kLater = std::chrono::hours(1);

struct stat about(ino_t inode, TimePoint changed) {
  struct stat st{};
  st.st_dev = 7;
  st.st_ino = inode;
  st.st_size = 3;
  st.st_mtim = {5, 6};
  st.st_ctim = {unix_seconds(changed), 0};
  return st;
}

class StatCacheTest : public testing::Test {
 protected:
  std::unique_ptr<StatCache> open(size_t most = StatCache::kMost) {
    return StatCache::open(dir_.path() / "stat-cache", clock_, most);
  }
  TempDir dir_ = *TempDir::make("/tmp", "skiff-stat-cache-test-");
  ManualClock clock_{TimePoint(std::chrono::hours(1000))};
  const std::string hash_ = sha256_hex("abc");
};

TEST_F(StatCacheTest, AnyDifferenceIsAnotherFile) {
  auto cache = open();
  const struct stat st = about(1, clock_.now() - kLater);
  cache->put(st, clock_.now(), hash_);
  EXPECT_EQ(cache->find(st), hash_);
  const std::function<void(struct stat&)> changes[] = {
      [](struct stat& s) { ++s.st_dev; },          [](struct stat& s) { ++s.st_ino; },
      [](struct stat& s) { ++s.st_size; },         [](struct stat& s) { ++s.st_mtim.tv_nsec; },
      [](struct stat& s) { ++s.st_ctim.tv_nsec; },
  };
  for (const auto& change : changes) {
    struct stat other = st;
    change(other);
    EXPECT_EQ(cache->find(other), std::nullopt);
  }
}

TEST_F(StatCacheTest, WhatChangedJustNowIsNotTrusted) {
  auto cache = open();
  for (auto age : {StatCache::kGranularity, -StatCache::kGranularity}) {
    const struct stat st = about(1, clock_.now() - age);
    cache->put(st, clock_.now(), hash_);
    EXPECT_EQ(cache->find(st), std::nullopt);
  }
}

// Of directories all over the disk, as a file system numbers them.
TEST_F(StatCacheTest, ManyFilesAreFoundAtOnce) {
  std::vector<struct stat> files;
  for (ino_t directory = 0; directory < 60; ++directory) {
    for (ino_t file = 0; file < 70; ++file) {
      files.push_back(about(8192 * directory + file + 1, clock_.now() - kLater));
    }
  }
  const auto hash = [](size_t i) { return sha256_hex(cat("file ", i)); };
  {
    auto cache = open();
    for (size_t i = 0; i < files.size(); ++i) cache->put(files[i], clock_.now(), hash(i));
    ASSERT_TRUE(cache->save());
  }
  auto cache = open();
  std::vector<StatCache::Asked> asked;
  for (const struct stat& file : files) asked.push_back({.file = &file, .hash = {}});
  const struct stat unknown = about(8192 * 60, clock_.now() - kLater);
  asked.push_back({.file = &unknown, .hash = {}});
  cache->find(asked);
  for (size_t i = 0; i < files.size(); ++i) {
    ASSERT_TRUE(asked[i].hash) << i;
    std::string hex;
    StatCache::append_hex(*asked[i].hash, hex);
    EXPECT_EQ(hex, hash(i));
  }
  EXPECT_FALSE(asked.back().hash);
}

TEST_F(StatCacheTest, OutlivesTheProcessUnlessItIsDamaged) {
  const struct stat st = about(1, clock_.now() - kLater);
  {
    auto cache = open();
    cache->put(st, clock_.now(), hash_);
    ASSERT_TRUE(cache->save());
  }
  EXPECT_EQ(open()->find(st), hash_);
  std::string bytes = *read_file(dir_.path() / "stat-cache");
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(write_file(dir_.path() / "stat-cache", bytes));
  EXPECT_EQ(open()->find(st), std::nullopt);
  ASSERT_TRUE(write_file(dir_.path() / "stat-cache", bytes.substr(0, 30)));
  EXPECT_EQ(open()->find(st), std::nullopt);
}

TEST_F(StatCacheTest, IsBoundedAndKeepsWhatWasSeenLast) {
  auto cache = open(4);
  for (ino_t inode = 1; inode <= 4; ++inode) {
    cache->put(about(inode, clock_.now() - kLater), clock_.now(), hash_);
  }
  ASSERT_TRUE(cache->save());
  EXPECT_TRUE(cache->find(about(2, clock_.now() - kLater)));
  for (ino_t inode = 5; inode <= 7; ++inode) {
    cache->put(about(inode, clock_.now() - kLater), clock_.now(), hash_);
  }
  ASSERT_TRUE(cache->save());
  for (ino_t inode : {2, 5, 6, 7}) {
    EXPECT_TRUE(cache->find(about(inode, clock_.now() - kLater))) << inode;
  }
  EXPECT_FALSE(cache->find(about(1, clock_.now() - kLater)));
}

// Builds of a daemon whose clock is ahead: each file was changed long ago.
class StatCached : public BuildFixture {
 protected:
  void SetUp() override {
    BuildFixture::SetUp();
    open_ahead();
  }
  void open_ahead() {
    builder_.reset();
    auto builder = open_builder(options_, *images_, *networks_, ahead_);
    ASSERT_TRUE(builder) << builder.error().message();
    builder_ = std::move(*builder);
  }
  // Until nothing of it is looked at that can be known.
  void build_often(const std::string& dockerfile) {
    for (int i = 0; i < 3; ++i) built(dockerfile);
    EXPECT_EQ(told_.cached, std::vector{2});
  }
  Path file() const { return options_.root / "stat-cache"; }
  struct stat stat_of(const std::string& path) {
    struct stat st{};
    EXPECT_EQ(::stat((context() / path).c_str(), &st), 0);
    return st;
  }
  ManualClock ahead_{Clock::system().now() + kLater};
};

TEST_F(StatCached, KnownFilesAreNotReadAgain) {
  write("a", "A");
  built("FROM scratch\nCOPY a /");
  EXPECT_EQ(StatCache::open(file())->find(stat_of("a")), sha256_hex("A"));
  // Nothing but what is remembered says that it has changed.
  {
    auto wrong = StatCache::open(file(), ahead_);
    wrong->put(stat_of("a"), ahead_.now(), sha256_hex("B"));
    ASSERT_TRUE(wrong->save());
  }
  open_ahead();
  built("FROM scratch\nCOPY a /");
  EXPECT_EQ(told_.missed[2], "a changed");
}

// What is opened or read of the files of a directory, by whom it may be; its listing is not told
// of.
class FileWatch {
 public:
  explicit FileWatch(const Path& directory) {
    EXPECT_GE(::inotify_add_watch(fd_.get(), directory.c_str(), IN_OPEN | IN_ACCESS), 0);
  }
  // Since the last question.
  std::set<std::string> names() {
    alignas(inotify_event) std::array<char, size_t{64} << 10U> buffer{};
    std::set<std::string> out;
    ssize_t size = 0;
    while ((size = ::read(fd_.get(), buffer.data(), buffer.size())) > 0) {
      for (const char* at = buffer.data(); at < buffer.data() + size;) {
        const auto* event = reinterpret_cast<const inotify_event*>(at);
        EXPECT_EQ(event->mask & IN_Q_OVERFLOW, 0U);
        if (event->len > 0 && (event->mask & IN_ISDIR) == 0) out.insert(event->name);
        at += sizeof *event + event->len;
      }
    }
    return out;
  }

 private:
  UniqueFd fd_{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
};

TEST_F(StatCached, NothingIsReadOfAnUnchangedDirectory) {
  write("d/a", "A");
  write("d/b", "B");
  const std::string dockerfile = "FROM scratch\nCOPY d /d";
  FileWatch watch(context() / "d");
  built(dockerfile);
  EXPECT_EQ(watch.names(), (std::set<std::string>{"a", "b"}));
  build_often(dockerfile);
  EXPECT_EQ(watch.names(), std::set<std::string>());
  // By a daemon that has not seen it before.
  open_ahead();
  built(dockerfile);
  EXPECT_EQ(told_.cached, std::vector{2});
  EXPECT_EQ(watch.names(), std::set<std::string>());

  const struct stat before = stat_of("d/a");
  write("d/a", "X");
  const timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, (context() / "d/a").c_str(), times, 0), 0);
  watch.names();
  EXPECT_EQ(text_in(built(dockerfile), "d/a"), "X");
  EXPECT_TRUE(watch.names().contains("a"));
  EXPECT_EQ(stat_of("d/a").st_size, before.st_size);
  EXPECT_EQ(stat_of("d/a").st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}

TEST_F(StatCached, SameSizeAndTimeIsNoticed) {
  write("d/a", "A");
  const struct stat before = stat_of("d/a");
  build_often("FROM scratch\nCOPY d /d");
  UniqueFd fd(::open((context() / "d/a").c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_EQ(::pwrite(fd.get(), "B", 1, 0), 1);
  const timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(::futimens(fd.get(), times), 0);
  EXPECT_EQ(text_in(built("FROM scratch\nCOPY d /d"), "d/a"), "B");
  EXPECT_EQ(told_.missed[2], "d/a changed");
}

TEST_F(StatCached, SwappedDirectoriesAreNoticed) {
  write("x/f", "A");
  write("y/f", "B");
  for (const char* path : {"x/f", "y/f", "x", "y"}) {
    const timespec times[2] = {{5, 0}, {5, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (context() / path).c_str(), times, 0), 0);
  }
  build_often("FROM scratch\nCOPY x /x");
  std::filesystem::rename(context() / "x", context() / "z");
  std::filesystem::rename(context() / "y", context() / "x");
  EXPECT_EQ(text_in(built("FROM scratch\nCOPY x /x"), "x/f"), "B");
  EXPECT_EQ(told_.missed[2], "x/f changed");
}

TEST_F(StatCached, IgnoreFilesAndNamesAreNeverRemembered) {
  write("d/a", "A");
  write("d/b", "B");
  build_often("FROM scratch\nCOPY d /d");
  write(".dockerignore", "d/b");
  EXPECT_EQ(tree(built("FROM scratch\nCOPY d /d"), "%P"), "d\nd/a");
  EXPECT_EQ(told_.missed[2], "d/b is gone");
  std::filesystem::rename(context() / "d/a", context() / "d/c");
  EXPECT_EQ(tree(built("FROM scratch\nCOPY d /d"), "%P"), "d\nd/c");
}

// The same files, of which something else is made.
TEST_F(StatCached, OtherFlagsAreAnotherStep) {
  write("d/a", "A");
  build_often("FROM scratch\nCOPY d /d");
  const images::Image image = built("FROM scratch\nCOPY --chmod=700 d /d");
  EXPECT_NE(tree(image).find("f 700 0:0 d/a"), std::string::npos);
  EXPECT_EQ(tree(built("FROM scratch\nCOPY --exclude=a d /d"), "%P"), "d");
}

TEST_F(StatCached, ModesAreNeverRemembered) {
  write("d/e/a", "A");
  build_often("FROM scratch\nCOPY d /d");
  ::chmod((context() / "d/e").c_str(), 0700);
  const images::Image image = built("FROM scratch\nCOPY d /d");
  EXPECT_EQ(told_.missed[2], "mode or owner of d/e: 0755 is now 0700");
  EXPECT_NE(tree(image).find("d 700 0:0 d/e"), std::string::npos);
}

}  // namespace
}  // namespace skiff::builder
