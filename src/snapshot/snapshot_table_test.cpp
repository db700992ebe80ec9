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

// A store of before indexes had digests goes on.
TEST(SnapshotTable, RowsOfTheFirstVersionAreKept) {
  constexpr const char* kVersion1[] = {
      "CREATE TABLE snapshot("
      "  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
      "  parent INTEGER REFERENCES snapshot(id), kind INTEGER NOT NULL,"
      "  created INTEGER NOT NULL, bytes INTEGER, inodes INTEGER);"
      "CREATE INDEX snapshot_parent ON snapshot(parent);"};
  auto directory = TempDir::make(std::filesystem::temp_directory_path(), "skiff-test-");
  const Path file = directory->path() / "snapshot.db";
  {
    auto db = Database::open(file, kVersion1);
    ASSERT_TRUE(db->run("INSERT INTO snapshot(name, kind, created) VALUES ('old', 2, 7)"));
  }
  auto table = SnapshotTable::open(file);
  ASSERT_TRUE(table) << table.error().message();
  EXPECT_EQ(unix_nanos(table->get("old")->info.created), 7);
  EXPECT_EQ(table->get("old")->index, "");
  EXPECT_EQ(table->get("old")->stamp, "");
  ASSERT_TRUE(table->set_files(1, {.index = "ab", .stamp = "cd"}));
  EXPECT_EQ(table->get("old")->index, "ab");
  EXPECT_EQ(table->get("old")->stamp, "cd");
}

// Whoever read files says nothing of those that came since.
TEST(SnapshotTable, AVerdictIsOfTheFilesThatWereRead) {
  auto directory = TempDir::make(std::filesystem::temp_directory_path(), "skiff-test-");
  auto table = SnapshotTable::open(directory->path() / "snapshot.db");
  const auto place = [](int64_t) { return Result<>(); };
  ASSERT_TRUE(table->add({.name = "a"}, place, {}, {.index = "old", .stamp = "1"}));
  const Verdict damaged{.damage = "its index is other"};
  const auto seen = table->get("a");
  ASSERT_TRUE(table->set_files(seen->id, {.index = "new", .stamp = "2"}));
  EXPECT_FALSE(*table->set_verified(*seen, damaged));
  EXPECT_EQ(table->get("a")->info.damage, "");
  EXPECT_EQ(table->get("a")->stamp, "2");
  // Nothing in the row tells the same files from others.
  const auto before = table->get("a");
  ASSERT_TRUE(table->set_files(before->id, {.index = "new", .stamp = "2"}));
  EXPECT_FALSE(*table->set_verified(*before, damaged));
  const auto without_form = table->get("a");
  ASSERT_TRUE(table->forget_usage(without_form->id));
  EXPECT_FALSE(*table->set_verified(*without_form, damaged));

  const auto last = table->get("a");
  EXPECT_TRUE(*table->set_verified(*last, damaged));
  EXPECT_FALSE(*table->set_verified(*last, {.stamp = "3"})) << "what another found is wiped out";
  EXPECT_EQ(table->get("a")->info.damage, damaged.damage);
  EXPECT_TRUE(*table->set_verified(*table->get("a"), {.stamp = "3"}));
  ASSERT_TRUE(table->erase("a"));
  EXPECT_FALSE(*table->set_verified(*last, damaged));
}

}  // namespace
}  // namespace skiff::snapshot
