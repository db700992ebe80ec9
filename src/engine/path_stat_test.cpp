#include "engine/path_stat.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

namespace skiff::engine {
namespace {

TEST(CpPath, SaysWhatIsMeant) {
  struct Case {
    const char* text;
    const char* path;
    const char* name;
    bool follow;
  };
  for (const Case& c : {Case{"/a/b", "/a/b", "b", false}, Case{"a/b", "/a/b", "b", false},
                        Case{"/a/b/", "/a/b", "b", true}, Case{"/a/b/.", "/a/b", ".", true},
                        Case{"/", "/", "/", true}, Case{".", "/", "/", true},
                        Case{"/../../x", "/x", "x", false}, Case{"/a/../b", "/b", "b", false}}) {
    CpPath path(c.text);
    EXPECT_EQ(path.path, c.path) << c.text;
    EXPECT_EQ(path.name, c.name) << c.text;
    EXPECT_EQ(path.follow, c.follow) << c.text;
  }
}

TEST(GoFileMode, HasGosBits) {
  EXPECT_EQ(go_file_mode(S_IFREG | 0644), 0644U);
  EXPECT_EQ(go_file_mode(S_IFDIR | 0755), (1U << 31U) | 0755U);
  EXPECT_EQ(go_file_mode(S_IFDIR | 01777), (1U << 31U) | (1U << 20U) | 0777U);
  EXPECT_EQ(go_file_mode(S_IFLNK | 0777), (1U << 27U) | 0777U);
  EXPECT_EQ(go_file_mode(S_IFREG | 04755), (1U << 23U) | 0755U);
  EXPECT_EQ(go_file_mode(S_IFCHR | 0600), (1U << 26U) | (1U << 21U) | 0600U);
}

TEST(StatInTree, StaysInTheTreeAndNamesLinkTargets) {
  auto dir = *TempDir::make("/tmp", "skiff-path-stat-");
  Path root = dir.path() / "root";
  std::filesystem::create_directories(root / "etc/sub");
  std::ofstream(root / "etc/passwd") << "inside";
  std::filesystem::create_symlink("/etc", root / "link");
  std::filesystem::create_symlink("sub", root / "etc/relative");
  std::filesystem::create_symlink("../../../../../etc/passwd", root / "escape");
  std::filesystem::create_symlink("/no/where", root / "dangling");
  auto tree = *sys::RootDir::open(root);
  auto stat = [&](const std::string& path) {
    auto found = stat_in_tree(tree, root.string(), CpPath(path));
    EXPECT_TRUE(found) << path;
    return found.value_or(PathStat());
  };
  EXPECT_EQ(stat("/etc/passwd").size, 6);
  EXPECT_EQ(stat("/link/passwd").size, 6);
  EXPECT_EQ(stat("/link").link_target, "/etc");
  EXPECT_EQ(stat("/link/relative").link_target, "/etc/sub");
  EXPECT_EQ(stat("/escape").link_target, "/etc/passwd");
  EXPECT_EQ(stat("/dangling").link_target, "/no/where");
  EXPECT_TRUE((stat("/link/").mode & (1U << 31U)) != 0);
  EXPECT_EQ(stat("/link/").link_target, "");
  EXPECT_FALSE(stat_in_tree(tree, root.string(), CpPath("/none")));
}

}  // namespace
}  // namespace skiff::engine
