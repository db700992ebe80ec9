#include "snapshot/snapshot_table.h"

#include <gtest/gtest.h>

namespace skiff::snapshot {
namespace {

// A directory that was placed for a row that did not come to be must never pass for another's.
TEST(SnapshotTable, AnIdIsNotUsedTwiceAlsoWhereTheRowIsNotWritten) {
  auto directory = TempDir::make(std::filesystem::temp_directory_path(), "skiff-test-");
  ASSERT_TRUE(directory);
  auto table = SnapshotTable::open(directory->path() / "snapshot.db");
  ASSERT_TRUE(table);
  std::vector<int64_t> ids;
  const auto note = [&](int64_t id) -> Result<> {
    ids.push_back(id);
    return {};
  };
  const auto refuse = [&](int64_t id) -> Result<> {
    ids.push_back(id);
    return Error(Code::kUnavailable, "no room");
  };
  EXPECT_TRUE(table->add({.name = "a"}, note));
  EXPECT_FALSE(table->add({.name = "b"}, refuse));
  EXPECT_TRUE(table->add({.name = "b"}, note));
  EXPECT_TRUE(table->erase("b"));
  EXPECT_TRUE(table->add({.name = "c"}, note));
  EXPECT_EQ(ids, (std::vector<int64_t>{1, 2, 3, 4}));
}

}  // namespace
}  // namespace skiff::snapshot
