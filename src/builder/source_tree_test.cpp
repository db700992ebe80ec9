#include "builder/source_tree.h"

#include <gtest/gtest.h>
#include <sys/xattr.h>

#include <algorithm>

#include "base/strings.h"

namespace skiff::builder {
namespace {

TEST(SourceTreeTest, AttributesThatAreCopiedAreInTheKey) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-source-tree-");
  const Path tool = dir.path() / "tool";
  ASSERT_TRUE(write_file(tool, "x"));
  const auto described = [&](bool keep_owners) {
    SourceTree tree(*sys::RootDir::open(dir.path()), {.keep_owners = keep_owners});
    auto selected = tree.select({.source = "tool"}, {});
    return tree.describe(selected->at(0), false, false, {})->at(0).value;
  };
  const std::string kept = described(true);
  const std::string dropped = described(false);
  if (::setxattr(tool.c_str(), "user.note", "1", 1, 0) != 0) GTEST_SKIP() << "no attributes here";
  EXPECT_NE(described(true), kept);
  EXPECT_EQ(described(false), dropped);
}

TEST(SourceTreeTest, SuggestionsAreOfAllFilesWhereOnlySomeAreHere) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-source-tree-");
  const auto names = [](const std::string& directory) -> Result<std::vector<std::string>> {
    if (directory != "src") return Error(Code::kUnavailable, "gone");
    return std::vector<std::string>{"main.log", "main.cpp"};
  };
  SourceTree tree(*sys::RootDir::open(dir.path()),
                  {.ignore = *oci::IgnorePatterns::parse("**/*.log"), .names_in = names});
  const auto failure = [&](const std::string& source) {
    return tree.select({.source = source}, {}).error().message();
  };
  EXPECT_EQ(failure("src/main.cp"), "\"/src/main.cp\": not found (did you mean src/main.cpp?)");
  EXPECT_EQ(failure("main.cp"), "\"/main.cp\": not found");
}

// More threads than one walk and describe: what they find is in the order of one.
TEST(SourceTreeTest, ManyDirectoriesComeInOrder) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-source-tree-");
  std::vector<std::string> paths{""};
  for (int outer = 10; outer < 40; ++outer) {
    paths.push_back(cat("d", outer));
    for (int inner = 10; inner < 22; ++inner) {
      const std::string directory = cat("d", outer, "/e", inner);
      ASSERT_TRUE(make_directories(dir.path() / directory));
      paths.push_back(directory);
      for (const char* name : {"a", "b", "c", "d"}) {
        paths.push_back(cat(directory, "/", name));
        ASSERT_TRUE(write_file(dir.path() / paths.back(), paths.back()));
      }
    }
    paths.push_back(cat("d", outer, ".txt"));
    ASSERT_TRUE(write_file(dir.path() / paths.back(), paths.back()));
  }
  std::ranges::sort(paths, {}, [](std::string path) {
    // As parents come before children, and "d" and all that is in it before "d.txt".
    return replace_all(path, "/", std::string(1, '\1'));
  });
  SourceTree tree(*sys::RootDir::open(dir.path()),
                  {.ignore = *oci::IgnorePatterns::parse("d15\n*/e11/b\n")});
  std::erase_if(paths, [](const std::string& path) {
    return path == "d15" || path.starts_with("d15/") || path.ends_with("/e11/b");
  });
  auto selected = tree.select({.source = "/"}, {});
  ASSERT_TRUE(selected) << selected.error().message();
  std::vector<std::string> found;
  for (const SourceFile& file : selected->at(0).files) found.push_back(file.path);
  EXPECT_EQ(found, paths);
  const auto parts = tree.describe(selected->at(0), false, false, {});
  ASSERT_TRUE(parts) << parts.error().message();
  for (size_t i = 1; i < paths.size(); ++i) {
    EXPECT_EQ(parts->at(i).name, paths[i]);
    const bool is_file = std::filesystem::is_regular_file(dir.path() / paths[i]);
    EXPECT_TRUE(
        parts->at(i).value.ends_with(is_file ? oci::Digest::of(paths[i]).hex() : "directory"));
  }
  // One that cannot be read fails it all.
  SourceTree other(*sys::RootDir::open(dir.path()), {});
  auto again = other.select({.source = "/"}, {});
  std::filesystem::remove(dir.path() / "d20/e12/a");
  EXPECT_EQ(other.describe(again->at(0), false, false, {}).error().code(), Code::kNotFound);
}

}  // namespace
}  // namespace skiff::builder
