// What stands for the description of files that are all remembered.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <functional>
#include <set>

#include "builder/source_tree.h"

namespace skiff::builder {
namespace {

class SourceDigest : public testing::Test {
 protected:
  void SetUp() override {
    write("d/a", "A");
    write("d/b", "B");
    write("e/a", "E");
    std::filesystem::create_symlink("a", path("d/link"));
    settle();
  }
  Path path(const std::string& name) const { return dir_.path() / "context" / name; }
  void write(const std::string& name, std::string_view text) {
    std::filesystem::create_directories(path(name).parent_path());
    std::ofstream(path(name)) << text;
  }
  // From then on all that was written is long ago.
  void settle() { clock_.advance(std::chrono::hours(1)); }

  struct Look {
    std::unique_ptr<SourceTree> tree;
    Selected selected;
    std::optional<std::string> digest(bool mode_given = false) {
      return tree->digest(selected, mode_given);
    }
    KeyParts parts() { return *tree->describe(selected, false, false, {}); }
  };
  Look look(std::string_view ignore = "", bool remembers = true) {
    SourceTree::Options options{.ignore = *oci::IgnorePatterns::parse(ignore)};
    if (remembers) options.stats = stats_.get();
    auto tree = std::make_unique<SourceTree>(*sys::RootDir::open(dir_.path() / "context"), options);
    Selected selected = std::move(tree->select({.source = "/"}, {})->front());
    return {std::move(tree), std::move(selected)};
  }
  void remember() { look().parts(); }
  // Of what is there now, all of it hashed before.
  std::string known() {
    settle();
    remember();
    return look().digest().value_or("");
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-source-digest-test-");
  ManualClock clock_{Clock::system().now()};
  std::unique_ptr<StatCache> stats_ = StatCache::open(dir_.path() / "stat-cache", clock_);
};

TEST_F(SourceDigest, IsThereOnceAllFilesAreRemembered) {
  EXPECT_EQ(look().digest(), std::nullopt);
  remember();
  const auto digest = look().digest();
  ASSERT_TRUE(digest);
  EXPECT_EQ(look().digest(), digest);
  EXPECT_EQ(look("", false).digest(), std::nullopt);
  write("e/new", "N");
  EXPECT_EQ(look().digest(), std::nullopt);
}

TEST_F(SourceDigest, IsNotThereOfWhatChangedJustNow) {
  remember();
  write("d/a", "B");
  clock_.advance(Clock::system().now() - clock_.now());
  remember();
  EXPECT_EQ(look().digest(), std::nullopt);
}

TEST_F(SourceDigest, AnyDifferenceIsAnotherOne) {
  const std::function<void()> changes[] = {
      [this] {
        struct stat before{};
        ASSERT_EQ(::stat(path("d/a").c_str(), &before), 0);
        write("d/a", "C");
        const timespec times[2] = {before.st_atim, before.st_mtim};
        ASSERT_EQ(::utimensat(AT_FDCWD, path("d/a").c_str(), times, 0), 0);
      },
      [this] { std::filesystem::rename(path("d/b"), path("d/c")); },
      [this] {
        std::filesystem::rename(path("d"), path("x"));
        std::filesystem::rename(path("e"), path("d"));
        std::filesystem::rename(path("x"), path("e"));
      },
      [this] { ::chmod(path("d").c_str(), 0700); },
      [this] { ::chmod(path("d/a").c_str(), 0600); },
      [this] {
        std::filesystem::remove(path("e/link"));
        std::filesystem::create_symlink("b", path("e/link"));
      },
      [this] { std::filesystem::create_directory(path("empty")); },
      [this] { std::filesystem::remove(path("d/a")); },
  };
  std::set<std::string> seen{"", known()};
  for (const auto& change : changes) {
    change();
    EXPECT_TRUE(seen.insert(known()).second) << seen.size();
  }
  EXPECT_NE(look("e").digest(), look().digest());
  EXPECT_NE(look().digest(true), look().digest());
}

// A name may go on where another one ends.
TEST_F(SourceDigest, EachTextHasItsBounds) {
  std::filesystem::remove_all(path(""));
  std::filesystem::create_directories(path(""));
  std::filesystem::create_symlink("bc", path("a"));
  const std::string before = known();
  std::filesystem::remove(path("a"));
  std::filesystem::create_symlink("c", path("ab"));
  EXPECT_NE(known(), before);
}

// What a path leads to after the walk is not what was seen.
TEST_F(SourceDigest, StandsForWhatWasSeenWhileFilesAreReplaced) {
  const std::string before = known();
  const KeyParts parts = look().parts();
  Look seen = look();
  std::filesystem::rename(path("d"), path("x"));
  std::filesystem::rename(path("e"), path("d"));
  std::filesystem::rename(path("x"), path("e"));
  EXPECT_EQ(seen.digest(), before);
  EXPECT_EQ(seen.parts(), parts);
  write("d/new", "N");
  Look unknown = look();
  std::filesystem::rename(path("d/new"), path("x"));
  write("d/new", "M");
  EXPECT_EQ(unknown.digest(), std::nullopt);
}

}  // namespace
}  // namespace skiff::builder
