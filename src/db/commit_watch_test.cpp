// A file's commits as others see them: other connections, and another process.
#include "db/commit_watch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "db/database.h"
#include "db/memo.h"
#include "db/test_elsewhere.h"

namespace skiff {
namespace {

constexpr const char* kTables[] = {"CREATE TABLE tag(name TEXT);"};

class CommitWatchTest : public testing::Test {
 protected:
  Database open() { return *Database::open(file_, kTables); }
  static Result<int64_t> count(Database& db) {
    Statement row = TRY(db.prepare("SELECT count(*) FROM tag"));
    TRY(row.step());
    return row.integer(0);
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-watch-");
  Path file_ = dir_.path() / "test.db";
  Database db_ = open();
  CommitWatch watch_ = db_.commits();
};

TEST_F(CommitWatchTest, AMarkLastsUntilSomebodyCommits) {
  const auto mark = watch_.mark();
  ASSERT_TRUE(mark);
  Database other = open();
  EXPECT_EQ(*count(other), 0);
  EXPECT_EQ(watch_.mark(), mark);

  ASSERT_TRUE(other.run("INSERT INTO tag VALUES ('a')"));
  const auto second = watch_.mark();
  EXPECT_NE(second, mark);
  ASSERT_TRUE(db_.run("INSERT INTO tag VALUES ('b')"));
  const auto third = watch_.mark();
  EXPECT_NE(third, second);
  run_elsewhere(file_, "DELETE FROM tag");
  EXPECT_NE(watch_.mark(), third);
}

TEST_F(CommitWatchTest, WhatIsNotCommittedLeavesIt) {
  const auto mark = watch_.mark();
  Database other = open();
  {
    const Transaction tx = *other.begin();
    ASSERT_TRUE(other.run("INSERT INTO tag VALUES ('a')"));
    EXPECT_EQ(watch_.mark(), mark);
  }
  EXPECT_EQ(watch_.mark(), mark);
}

// After a checkpoint the log begins anew, at places that had marks before.
TEST_F(CommitWatchTest, ALogThatBeginsAnewHasNoMarkOfBefore) {
  ASSERT_TRUE(db_.run("INSERT INTO tag VALUES ('a')"));
  const auto mark = watch_.mark();
  ASSERT_TRUE(db_.execute("PRAGMA wal_checkpoint(TRUNCATE)"));
  ASSERT_TRUE(db_.run("INSERT INTO tag VALUES ('b')"));
  EXPECT_NE(watch_.mark(), mark);
}

TEST_F(CommitWatchTest, WhatCannotBeWatchedHasNoMark) { EXPECT_FALSE(CommitWatch().mark()); }

class MemoTest : public CommitWatchTest {
 protected:
  int64_t remembered(Memo<int64_t>& memo) {
    return *memo.get("all", [&] {
      ++asked_;
      return count(db_);
    });
  }
  int asked_ = 0;
};

TEST_F(MemoTest, AnAnswerIsGoodUntilAnotherProcessCommits) {
  Memo<int64_t> memo(watch_);
  EXPECT_EQ(remembered(memo), 0);
  EXPECT_EQ(remembered(memo), 0);
  EXPECT_EQ(asked_, 1);
  run_elsewhere(file_, "INSERT INTO tag VALUES ('a')");
  EXPECT_EQ(remembered(memo), 1);
  EXPECT_EQ(remembered(memo), 1);
  EXPECT_EQ(asked_, 2);
}

TEST_F(MemoTest, WhatIsCommittedWhileItIsAskedCounts) {
  Memo<int64_t> memo(watch_);
  const auto before_the_commit = memo.get("all", [&]() -> Result<int64_t> {
    const int64_t found = TRY(count(db_));
    TRY(db_.run("INSERT INTO tag VALUES ('a')"));
    return found;
  });
  EXPECT_EQ(*before_the_commit, 0);
  EXPECT_EQ(remembered(memo), 1);
}

TEST_F(MemoTest, NoAnswerIsOlderThanACommitThatWasDone) {
  Memo<int64_t> memo(watch_);
  std::mutex mutex;  // of db_
  std::atomic<int64_t> done = 0;
  const auto ask = [&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const int64_t least = done;
      const auto counted = memo.get("all", [&] {
        std::lock_guard lock(mutex);
        return count(db_);
      });
      ASSERT_GE(*counted, least);
    }
  };
  Database writer = open();
  const std::jthread one(ask);
  const std::jthread another(ask);
  for (int i = 1; i <= 200; ++i) {
    ASSERT_TRUE(writer.run("INSERT INTO tag VALUES ('a')"));
    done = i;
  }
}

TEST_F(MemoTest, QuestionsAreToldApartAndFailuresForgotten) {
  Memo<int64_t> memo(watch_);
  EXPECT_EQ(*memo.get("one", [] { return Result<int64_t>(1); }), 1);
  EXPECT_EQ(*memo.get("two", [] { return Result<int64_t>(2); }), 2);
  EXPECT_EQ(*memo.get("one", [] { return Result<int64_t>(3); }), 1);
  const auto fail = []() -> Result<int64_t> { return Error(Code::kUnavailable, "locked"); };
  EXPECT_FALSE(memo.get("three", fail));
  EXPECT_EQ(*memo.get("three", [] { return Result<int64_t>(3); }), 3);
}

TEST_F(MemoTest, OfWhatCannotBeWatchedNothingIsRemembered) {
  Memo<int64_t> memo{CommitWatch()};
  remembered(memo);
  remembered(memo);
  EXPECT_EQ(asked_, 2);
}

}  // namespace
}  // namespace skiff
