#include "base/trash.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace skiff {
namespace {

class TrashTest : public testing::Test {
 protected:
  static void make_tree(const Path& tree, int files) {
    ASSERT_TRUE(make_directories(tree / "a/b"));
    for (int i = 0; i < files; ++i) ASSERT_TRUE(write_file(tree / cat("a/b/", i), "x"));
  }
  TempDir dir_ = *TempDir::make("/tmp", "skiff-trash-");
  Path place_ = dir_.path() / "trash";
};

TEST_F(TrashTest, WhatIsTakenIsGoneAtOnceAndItsRoomIsFreeOnceItIsSettled) {
  const auto trash = *Trash::open(place_);
  for (int round = 0; round < 20; ++round) {
    const Path file = dir_.path() / "file";
    ASSERT_TRUE(write_file(file, "x"));
    make_tree(dir_.path() / "tree", 10);
    ASSERT_TRUE(trash->take(file));
    ASSERT_TRUE(trash->take(dir_.path() / "tree"));
    EXPECT_FALSE(std::filesystem::exists(file));
    EXPECT_FALSE(std::filesystem::exists(dir_.path() / "tree"));
    // The name is free for another.
    ASSERT_TRUE(write_file(file, "y"));
    if (round % 2 == 0) trash->settle();
    EXPECT_EQ(*read_file(file), "y");
  }
  trash->settle();
  EXPECT_TRUE(std::filesystem::is_empty(place_));
}

TEST_F(TrashTest, AMissingOneIsSuccess) {
  const auto trash = *Trash::open(place_);
  EXPECT_TRUE(trash->take(dir_.path() / "nothing"));
}

TEST_F(TrashTest, WhatAnEarlierProcessLeftIsRemoved) {
  make_tree(place_ / "left", 10);
  ASSERT_TRUE(write_file(place_ / "file", "x"));
  (*Trash::open(place_))->settle();
  EXPECT_TRUE(std::filesystem::is_empty(place_));
}

TEST_F(TrashTest, WhatIsLeftAtTheEndIsRemovedByTheNext) {
  make_tree(dir_.path() / "tree", 1000);
  make_tree(dir_.path() / "other", 1000);
  {
    const auto trash = *Trash::open(place_);
    ASSERT_TRUE(trash->take(dir_.path() / "tree"));
    ASSERT_TRUE(trash->take(dir_.path() / "other"));
  }
  (*Trash::open(place_))->settle();
  EXPECT_TRUE(std::filesystem::is_empty(place_));
}

TEST_F(TrashTest, WhatCannotBeMovedIsRemovedWhereItIs) {
  const TempDir elsewhere = *TempDir::make("/dev/shm", "skiff-trash-");
  make_tree(elsewhere.path() / "tree", 10);
  const auto trash = *Trash::open(place_);
  ASSERT_TRUE(trash->take(elsewhere.path() / "tree"));
  EXPECT_TRUE(std::filesystem::is_empty(elsewhere.path()));
}

}  // namespace
}  // namespace skiff
