#include "db/file_watch.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/strings.h"
#include "db/database.h"

namespace skiff {
namespace {

constexpr const char* kWatchedTables[] = {"CREATE TABLE tag(name TEXT);"};

class FileWatchTest : public testing::Test {
 protected:
  std::string complaint() const {
    const Result<> checked = files_.check();
    if (checked) return "";
    EXPECT_EQ(checked.error().code(), Code::kUnavailable);
    return checked.error().message();
  }
  Path beside(const char* suffix) const { return file_.native() + suffix; }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-watch-");
  Path file_ = dir_.path() / "test.db";
  Database db_ = *Database::open(file_, kWatchedTables);
  FileWatch files_{file_};
};

TEST_F(FileWatchTest, WorkOnTheDatabaseIsNothingToTellOf) {
  EXPECT_EQ(complaint(), "");
  ASSERT_TRUE(db_.run("INSERT INTO tag VALUES ('a')"));
  {
    Database other = *Database::open(file_, kWatchedTables);
    ASSERT_TRUE(other.execute("PRAGMA wal_checkpoint(TRUNCATE)"));
  }
  EXPECT_EQ(complaint(), "");
}

TEST_F(FileWatchTest, EachFileThatIsRemovedIsMissed) {
  for (const char* suffix : {"", "-wal", "-shm"}) {
    const Path file = beside(suffix);
    std::filesystem::rename(file, dir_.path() / "away");
    EXPECT_NE(complaint().find(cat(file.native(), " is gone")), std::string::npos) << complaint();
    std::filesystem::rename(dir_.path() / "away", file);
    EXPECT_EQ(complaint(), "");
  }
}

TEST_F(FileWatchTest, ACopyIsAnotherFile) {
  std::filesystem::copy_file(file_, dir_.path() / "copy");
  std::filesystem::rename(dir_.path() / "copy", file_);
  EXPECT_NE(complaint().find(cat(file_.native(), " is another file")), std::string::npos);
}

TEST_F(FileWatchTest, WhatIsNoFileIsNeverMissed) {
  EXPECT_TRUE(FileWatch().check());
  EXPECT_TRUE(FileWatch(dir_.path() / "none").check());
}

}  // namespace
}  // namespace skiff
