#include "builder/source_tree.h"

#include <gtest/gtest.h>
#include <sys/xattr.h>

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

}  // namespace
}  // namespace skiff::builder
