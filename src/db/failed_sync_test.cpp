// A commit whose sync fails was told to have failed: it must not be there after a crash.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "db/database.h"

namespace {

std::atomic<bool> next_sync_fails = false;

int sync_or_fail(long call, int fd) {
  if (!next_sync_fails.exchange(false)) return static_cast<int>(::syscall(call, fd));
  errno = EIO;
  return -1;
}

}  // namespace

// SQLite finds these before the C library's.
extern "C" int fsync(int fd) { return sync_or_fail(SYS_fsync, fd); }
extern "C" int fdatasync(int fd) { return sync_or_fail(SYS_fdatasync, fd); }

namespace skiff {
namespace {

constexpr const char* kSyncSchema[] = {"CREATE TABLE word(text TEXT);"};

class FailedSyncTest : public testing::Test {
 protected:
  // What somebody finds who opens the files as they are now.
  std::vector<std::string> words_after_a_crash() {
    const TempDir later = *TempDir::make("/tmp", "skiff-db-");
    for (const char* name : {"test.db", "test.db-wal"}) {
      std::filesystem::copy_file(dir_.path() / name, later.path() / name);
    }
    auto db = Database::open(later.path() / "test.db", kSyncSchema);
    auto s = db->prepare("SELECT text FROM word");
    std::vector<std::string> words;
    while (*s->step()) words.push_back(s->text(0));
    return words;
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-db-");
  Database db_ = *Database::open(dir_.path() / "test.db", kSyncSchema);
};

TEST_F(FailedSyncTest, AStatementThatFailedInItsSyncDoesNotComeBack) {
  ASSERT_TRUE(db_.run("INSERT INTO word VALUES ('before')"));
  next_sync_fails = true;
  const auto failed = db_.run("INSERT INTO word VALUES ('failed')");
  ASSERT_FALSE(failed);
  EXPECT_FALSE(next_sync_fails);
  EXPECT_EQ(words_after_a_crash(), std::vector<std::string>{"before"});
  ASSERT_TRUE(db_.run("INSERT INTO word VALUES ('after')"));
  EXPECT_EQ(words_after_a_crash(), (std::vector<std::string>{"before", "after"}));
}

TEST_F(FailedSyncTest, ATransactionThatFailedInItsSyncDoesNotComeBack) {
  ASSERT_TRUE(db_.run("INSERT INTO word VALUES ('before')"));
  {
    Transaction transaction = *db_.begin();
    ASSERT_TRUE(db_.run("INSERT INTO word VALUES ('failed')"));
    next_sync_fails = true;
    ASSERT_FALSE(transaction.commit());
  }
  EXPECT_FALSE(next_sync_fails);
  EXPECT_EQ(words_after_a_crash(), std::vector<std::string>{"before"});
  ASSERT_TRUE(db_.run("INSERT INTO word VALUES ('after')"));
  EXPECT_EQ(words_after_a_crash(), (std::vector<std::string>{"before", "after"}));
}

}  // namespace
}  // namespace skiff
