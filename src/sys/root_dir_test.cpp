#include "sys/root_dir.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "base/strings.h"

namespace skiff::sys {
namespace {

class RootDirTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_.emplace(TempDir::make("/tmp", "skiff-root-").value());
    top_ = dir_->path() / "root";
    outside_ = dir_->path() / "outside";
    ASSERT_TRUE(make_directories(top_));
    ASSERT_TRUE(make_directories(outside_));
    ASSERT_TRUE(write_file(outside_ / "secret", "host"));
    root_.emplace(RootDir::open(top_).value());
  }
  void link(const std::string& target, const std::string& name) {
    std::filesystem::create_symlink(target, top_ / name);
  }

  std::optional<TempDir> dir_;
  Path top_;
  Path outside_;
  std::optional<RootDir> root_;
};

TEST_F(RootDirTest, ReadsRelativeAndAbsolutePathsFromTheRoot) {
  ASSERT_TRUE(write_file(top_ / "file", "inside"));
  EXPECT_EQ(root_->read_file("file").value(), "inside");
  EXPECT_EQ(root_->read_file("/file").value(), "inside");
  EXPECT_EQ(root_->read_file("../../file").value(), "inside");
}

TEST_F(RootDirTest, SymlinksStayInside) {
  link("/../outside/secret", "absolute");
  link("../outside/secret", "relative");
  link(outside_.native(), "dir");
  EXPECT_EQ(root_->read_file("absolute").error().code(), Code::kNotFound);
  EXPECT_EQ(root_->read_file("relative").error().code(), Code::kNotFound);
  EXPECT_EQ(root_->read_file("dir/secret").error().code(), Code::kNotFound);
  EXPECT_TRUE(S_ISLNK(root_->lstat("dir")->st_mode));
}

TEST_F(RootDirTest, MagicLinksAreRefused) {
  auto proc = RootDir::open("/proc").value();
  EXPECT_EQ(proc.open_at("self/cwd", O_PATH).error().sys_errno(), ELOOP);
}

TEST_F(RootDirTest, ReadFileTakesOnlyRegularFiles) {
  ASSERT_EQ(::mkfifo((top_ / "fifo").c_str(), 0600), 0);
  ASSERT_EQ(::mknod((top_ / "null").c_str(), S_IFCHR | 0600, makedev(1, 3)), 0);
  EXPECT_FALSE(root_->read_file("fifo"));
  EXPECT_FALSE(root_->read_file("null"));
  EXPECT_FALSE(root_->read_file("/"));
  ASSERT_TRUE(write_file(top_ / "big", std::string(100, 'x')));
  EXPECT_EQ(root_->read_file("big", 99).error().code(), Code::kResourceExhausted);
}

TEST_F(RootDirTest, PlaceNeverNamesTheRootOrAParent) {
  for (const char* bad : {"", "/", ".", "a/..", "..", "/../"}) {
    EXPECT_EQ(root_->place_of(bad).error().code(), Code::kInvalidArgument) << bad;
    EXPECT_EQ(root_->make_place(bad).error().code(), Code::kInvalidArgument) << bad;
  }
  Place place = root_->place_of("x/").value();
  EXPECT_EQ(place.name, "x");
  EXPECT_EQ(root_->place_of("missing/x").error().code(), Code::kNotFound);
}

TEST_F(RootDirTest, MakesMissingParentsWithTheModeWhateverTheUmask) {
  mode_t old = ::umask(0077);
  Place place = root_->make_place("a/b/c", 0755).value();
  ::umask(old);
  EXPECT_EQ(place.name, "c");
  EXPECT_EQ(root_->stat("a/b")->st_mode & 07777, 0755U);
  EXPECT_EQ(root_->stat("a/b/c").error().code(), Code::kNotFound);
}

TEST_F(RootDirTest, TakesAParentsGroupOnlyWhereAsked) {
  ASSERT_TRUE(make_directories(top_ / "shared"));
  ASSERT_EQ(::chown((top_ / "shared").c_str(), 0, 7), 0);
  ASSERT_EQ(::chmod((top_ / "shared").c_str(), 02775), 0);
  EXPECT_TRUE(root_->make_directories("shared/plain"));
  EXPECT_TRUE(root_->make_directories("shared/a/b", 0755, NewGroup::kParents));
  EXPECT_EQ(root_->stat("shared/plain")->st_mode & 07777, 0755U);
  EXPECT_EQ(root_->stat("shared/plain")->st_gid, 0U);
  EXPECT_EQ(root_->stat("shared/a/b")->st_mode & 07777, 02755U);
  EXPECT_EQ(root_->stat("shared/a/b")->st_gid, 7U);
}

TEST_F(RootDirTest, MakesTheTargetOfADanglingLinkInside) {
  link("/new/target", "dangling");
  link("..", "up");
  link("loop", "loop");
  EXPECT_TRUE(root_->make_directories("dangling/deep"));
  EXPECT_TRUE(std::filesystem::is_directory(top_ / "new/target/deep"));
  EXPECT_TRUE(root_->make_directories("up/up/outside/made"));
  EXPECT_TRUE(std::filesystem::is_directory(top_ / "outside/made"));
  EXPECT_FALSE(std::filesystem::exists(outside_ / "made"));
  EXPECT_EQ(root_->make_directories("loop/x").error().sys_errno(), ELOOP);
  ASSERT_TRUE(write_file(top_ / "plain", ""));
  EXPECT_EQ(root_->make_directories("plain/x").error().sys_errno(), ENOTDIR);
}

// CVE-2021-30465: a directory swapped with a symlink to the outside while it is walked.
TEST_F(RootDirTest, RacingSwapNeverLeavesTheRoot) {
  ASSERT_TRUE(make_directories(top_ / "swap"));
  link("../../outside", "evil");
  std::atomic<bool> stop{false};
  std::thread swapper([&] {
    while (!stop) {
      ::renameat2(AT_FDCWD, (top_ / "swap").c_str(), AT_FDCWD, (top_ / "evil").c_str(),
                  RENAME_EXCHANGE);
    }
  });
  for (int i = 0; i < 5000; ++i) {
    [[maybe_unused]] auto made = root_->make_directories(cat("swap/x", i % 7, "/y"));
    [[maybe_unused]] auto file = root_->open_at(cat("swap/f", i % 7), O_CREAT | O_WRONLY, 0600);
    EXPECT_FALSE(root_->read_file("swap/secret"));
  }
  stop = true;
  swapper.join();
  size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(outside_)) {
    ++entries;
  }
  EXPECT_EQ(entries, 1U);
}

// Of a path with ".." the kernel cannot tell where it leads while anything anywhere is renamed.
TEST_F(RootDirTest, OpensBeneathWhileOthersRename) {
  ASSERT_TRUE(make_directories(top_ / "a/b"));
  link("a/b/..", "there");
  link("../outside", "out");
  std::atomic<bool> stop{false};
  std::thread renamer([&] {
    while (!stop) {
      ::rename((outside_ / "secret").c_str(), (outside_ / "renamed").c_str());
      ::rename((outside_ / "renamed").c_str(), (outside_ / "secret").c_str());
    }
  });
  for (int i = 0; i < 20000; ++i) {
    EXPECT_TRUE(open_beneath(root_->fd(), "there", O_PATH)) << std::strerror(errno);
    EXPECT_FALSE(open_beneath(root_->fd(), "out", O_PATH));
    EXPECT_EQ(errno, EXDEV);
  }
  stop = true;
  renamer.join();
}

}  // namespace
}  // namespace skiff::sys
