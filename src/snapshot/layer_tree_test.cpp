// What a layer's tree takes in memory: an archive may be made of names and attributes only.
#include "snapshot/layer_tree.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace skiff::snapshot {
namespace {

TarEntry entry_of(const std::string& name, TarType type = TarType::kFile) {
  return {.name = name, .type = type, .mode = 0755};
}

// With attributes that no other number has.
TarEntry heavy(const std::string& name, int number, TarType type = TarType::kFile) {
  TarEntry entry = entry_of(name, type);
  entry.xattrs["user.x"] = cat(number, std::string(60'000, 'x'));
  return entry;
}

class LayerTreeMemory : public testing::Test {
 protected:
  LayerTree tree_{{.memory = uint64_t{4} << 20U}};

  void must_add(const TarEntry& entry) {
    const auto added = tree_.add(entry, {});
    ASSERT_TRUE(added) << added.error().message();
  }
  // Adds what `make` gives until it is too much.
  void expect_refused(const std::function<TarEntry(int)>& make) {
    for (int i = 0; i < 100'000; ++i) {
      const auto added = tree_.add(make(i), {});
      if (added) continue;
      EXPECT_EQ(added.error().code(), Code::kResourceExhausted);
      EXPECT_EQ(added.error().message(),
                "the names and attributes of the layer take more than 4 MiB");
      return;
    }
    ADD_FAILURE() << "all fits";
  }
};

TEST_F(LayerTreeMemory, WhatLaterEntriesReplaceIsNotKept) {
  for (int i = 0; i < 500; ++i) must_add(heavy("f", i));
  for (int i = 0; i < 500; ++i) must_add(heavy("d/", i, TarType::kDirectory));
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 30; ++i) must_add(heavy(cat("tree/sub/", i), round * 100 + i));
    must_add(entry_of("tree"));
    must_add(entry_of("tree", TarType::kDirectory));
  }
  EXPECT_TRUE(tree_.finish());
}

TEST_F(LayerTreeMemory, PiecesOfReplacedFilesAreNotKept) {
  std::vector<TarPiece> pieces;
  for (uint64_t i = 0; i < 10'000; ++i) pieces.push_back({i * 3, 1, 512 + i});
  TarEntry sparse = entry_of("f");
  sparse.size = 30'000;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(tree_.add(sparse, pieces));
}

TEST_F(LayerTreeMemory, AHardLinkKeepsWhatItsOtherNameLoses) {
  must_add(heavy("f", 1));
  must_add({.name = "g", .type = TarType::kHardLink, .link_target = "f"});
  must_add(entry_of("f"));
  const auto& tree = tree_.tree();
  EXPECT_GT(tree.xattrs(tree.inode(*tree.find(0, "g"))).size(), 60'000u);
  EXPECT_TRUE(tree.xattrs(tree.inode(*tree.find(0, "f"))).empty());
}

TEST_F(LayerTreeMemory, AttributesAreRefusedWhereTheyAreTooMuch) {
  expect_refused([](int i) { return heavy(cat("f", i), i); });
}

TEST_F(LayerTreeMemory, NamesAreRefusedWhereTheyAreTooMany) {
  expect_refused([](int i) { return entry_of(cat(std::string(200, 'n'), i)); });
}

// Each name makes thousands of directories.
TEST_F(LayerTreeMemory, DirectoriesThatAreOnlyImpliedAreRefusedWhereTheyAreTooMany) {
  std::string deep;
  for (int i = 0; i < 1500; ++i) deep += "d/";
  expect_refused([&](int i) { return entry_of(cat(i, "/", deep, "f")); });
}

TEST(LayerTree, AMillionSmallFilesFitTwice) {
  const LayerTreeOptions options;
  LayerTree layer(options);
  const std::vector<TarPiece> body = {{0, 4096, 4096}};
  for (int i = 0; i < 1'000'000; ++i) {
    TarEntry entry = entry_of(cat("usr/share/directory-", i / 1000, "/a-file-of-some-name-", i));
    entry.size = 4096;
    const auto added = layer.add(entry, body);
    ASSERT_TRUE(added) << added.error().message();
  }
  EXPECT_LT(layer.tree().memory(), options.memory / 2);
}

}  // namespace
}  // namespace skiff::snapshot
