#include "db/commit_queue.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <latch>
#include <thread>

#include "base/strings.h"
#include "db/pool.h"

namespace skiff {
namespace {

constexpr const char* kQueueSchema[] = {"CREATE TABLE word(text TEXT PRIMARY KEY);"};

class CommitQueueTest : public testing::Test {
 protected:
  int64_t count() {
    auto s = db_.prepare("SELECT count(*) FROM word");
    EXPECT_TRUE(s && *s->step());
    return s->integer(0);
  }
  // Of a commit that is held up until the others wait, the transactions of all.
  void all_at_once(const std::vector<std::function<void()>>& works) {
    hold_.lock();
    std::vector<std::jthread> threads;
    threads.emplace_back([this] {
      EXPECT_TRUE(queue_.run([](Database&, Transaction&) -> Result<> { return {}; }));
    });
    while (uses_ == 0) std::this_thread::yield();
    for (const auto& work : works) threads.emplace_back(work);
    while (queue_.waiting() < works.size()) std::this_thread::yield();
    hold_.unlock();
  }
  Result<> add(const std::string& word) {
    return queue_.run([&](Database& db, Transaction& tx) -> Result<> {
      TRY(db.run("INSERT INTO word VALUES (?)", word));
      return tx.commit();
    });
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-db-");
  Database db_ = *Database::open(dir_.path() / "test.db", kQueueSchema);
  std::mutex hold_;
  std::atomic<int> uses_ = 0;
  CommitQueue queue_{[this](const std::function<void(Database&)>& use) {
    ++uses_;
    std::lock_guard lock(hold_);
    use(db_);
  }};
};

TEST_F(CommitQueueTest, ThoseThatWaitAreOneCommit) {
  std::vector<std::function<void()>> works;
  for (int i = 0; i < 32; ++i) works.emplace_back([this, i] { EXPECT_TRUE(add(cat("w", i))); });
  all_at_once(works);
  EXPECT_EQ(uses_, 2);
  EXPECT_EQ(count(), 32);
}

TEST_F(CommitQueueTest, OneThatFailsOrDoesNotCommitLeavesNothing) {
  std::vector<std::function<void()>> works;
  works.emplace_back([this] { EXPECT_TRUE(add("kept")); });
  works.emplace_back([this] {
    const auto failed = queue_.run([&](Database& db, Transaction& tx) -> Result<> {
      TRY(db.run("INSERT INTO word VALUES ('lost')"));
      TRY(db.run("INSERT INTO word VALUES ('lost')"));
      return tx.commit();
    });
    EXPECT_EQ(failed.error().code(), Code::kAlreadyExists);
  });
  works.emplace_back([this] {
    const auto seen = queue_.run([&](Database& db, Transaction&) -> Result<int64_t> {
      return db.run("INSERT INTO word VALUES ('looked')");
    });
    EXPECT_EQ(*seen, 1);
  });
  works.emplace_back([this] { EXPECT_TRUE(add("kept, too")); });
  all_at_once(works);
  EXPECT_EQ(uses_, 2);
  EXPECT_EQ(count(), 2);
}

TEST_F(CommitQueueTest, WorkThatThrowsHoldsUpNobody) {
  const auto fail = [&] {
    (void)queue_.run([](Database& db, Transaction&) -> Result<> {
      TRY(db.run("INSERT INTO word VALUES ('lost')"));
      throw std::bad_alloc();
    });
  };
  EXPECT_THROW(fail(), std::bad_alloc);
  EXPECT_TRUE(add("kept"));
  EXPECT_EQ(count(), 1);
}

TEST_F(CommitQueueTest, EachSeesThoseBeforeIt) {
  std::atomic<int> taken = 0;
  std::vector<std::function<void()>> works;
  for (int i = 0; i < 8; ++i) {
    works.emplace_back([&] {
      const auto done = queue_.run([&](Database& db, Transaction& tx) -> Result<bool> {
        Statement row = TRY(db.prepare("SELECT count(*) FROM word"));
        TRY(row.step());
        if (row.integer(0) > 0) return false;
        TRY(db.run("INSERT INTO word VALUES ('one')"));
        TRY(tx.commit());
        return true;
      });
      EXPECT_TRUE(done);
      if (done && *done) ++taken;
    });
  }
  all_at_once(works);
  EXPECT_EQ(taken, 1);
}

TEST_F(CommitQueueTest, WhereTheCommitFailsEachFails) {
  ASSERT_TRUE(db_.execute("PRAGMA max_page_count = 4"));
  std::vector<std::function<void()>> works;
  std::atomic<int> failed = 0;
  for (int i = 0; i < 4; ++i) {
    works.emplace_back([&, i] {
      if (!add(std::string(6000, static_cast<char>('a' + i)))) ++failed;
    });
  }
  all_at_once(works);
  EXPECT_EQ(count() + failed, 4);
  EXPECT_GT(failed, 0);
}

}  // namespace
}  // namespace skiff
