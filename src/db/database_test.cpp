#include "db/database.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <latch>
#include <thread>

#include "base/strings.h"
#include "db/test_elsewhere.h"

namespace skiff {
namespace {

constexpr const char* kFirst[] = {
    "CREATE TABLE tag(repo TEXT NOT NULL, name TEXT, n INTEGER CHECK(n >= 0), PRIMARY KEY(repo));"};
constexpr const char* kSecond[] = {kFirst[0], "ALTER TABLE tag ADD COLUMN extra TEXT DEFAULT 'x';"};
constexpr const char* kBroken[] = {kFirst[0], kSecond[1], "CREATE TABLE a(x); CREATE NONSENSE;"};

class DatabaseTest : public testing::Test {
 protected:
  TempDir dir_ = *TempDir::make("/tmp", "skiff-db-");
  Path file_ = dir_.path() / "test.db";

  Database open(std::span<const char* const> migrations = kFirst) {
    auto db = Database::open(file_, migrations);
    EXPECT_TRUE(db) << db.error().message();
    return std::move(*db);
  }
  static int64_t count(Database& db) {
    auto s = db.prepare("SELECT count(*) FROM tag");
    EXPECT_TRUE(s && *s->step());
    return s->integer(0);
  }
};

std::string count_elsewhere(const Path& file) {
  return run_elsewhere(file, "SELECT count(*) FROM tag");
}

// It takes the log away where it finds itself the last: each connection must be seen.
TEST_F(DatabaseTest, AProcessThatComesAndGoesTakesNoCommitAway) {
  Database first = open();
  const Database second = open();
  ASSERT_TRUE(first.run("INSERT INTO tag VALUES ('a', 'b', 1)"));
  EXPECT_EQ(count_elsewhere(file_), "1");
  ASSERT_TRUE(first.run("INSERT INTO tag VALUES ('b', 'b', 1)"));
  EXPECT_EQ(count_elsewhere(file_), "2");
}

TEST_F(DatabaseTest, ValuesOfEveryKindComeBack) {
  Database db = open();
  std::string binary("a\0b\xff", 4);
  ASSERT_TRUE(db.run("INSERT INTO tag(repo, name, n) VALUES (?, ?, ?)", "r", std::string("n"), 7u));
  ASSERT_TRUE(
      db.run("INSERT INTO tag VALUES (?, ?, ?)", std::string_view{}, nullptr, int64_t{1} << 40));
  ASSERT_TRUE(db.run("INSERT INTO tag VALUES ('o', ?, 1)", std::optional<std::string>("given")));
  {
    auto s = db.prepare("INSERT INTO tag VALUES ('z', ?, NULL)");
    ASSERT_TRUE(s && s->bind_blob(1, binary) && s->step());
  }
  auto s = db.prepare("SELECT repo, name, n FROM tag ORDER BY repo");
  ASSERT_TRUE(s && *s->step());
  EXPECT_EQ(s->text(0), "");
  EXPECT_FALSE(s->is_null(0));
  EXPECT_TRUE(s->is_null(1));
  EXPECT_EQ(s->integer(2), int64_t{1} << 40);
  ASSERT_TRUE(*s->step());
  EXPECT_EQ(s->text(1), "given");
  ASSERT_TRUE(*s->step());
  EXPECT_EQ(s->integer(2), 7);
  ASSERT_TRUE(*s->step());
  EXPECT_EQ(s->text(1), binary);
  EXPECT_FALSE(*s->step());
}

TEST_F(DatabaseTest, AStatementCanBeUsedAgainAndTwiceAtOnce) {
  Database db = open();
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(*db.run("INSERT INTO tag(repo, n) VALUES (?, ?)", cat("r", i), i), 1);
  }
  const char* sql = "SELECT n FROM tag WHERE n > ? ORDER BY n";
  auto outer = db.prepare(sql, -1);
  int pairs = 0;
  while (*outer->step()) {
    auto inner = db.prepare(sql, outer->integer(0));
    while (*inner->step()) ++pairs;
  }
  EXPECT_EQ(pairs, 3);
  EXPECT_EQ(*db.run("UPDATE tag SET n = n + 1 WHERE n < ?", 2), 2);
}

TEST_F(DatabaseTest, ErrorsHaveTheirCodes) {
  Database db = open();
  ASSERT_TRUE(db.run("INSERT INTO tag(repo) VALUES ('r')"));
  EXPECT_EQ(db.run("INSERT INTO tag(repo) VALUES ('r')").error().code(), Code::kAlreadyExists);
  auto check = db.run("INSERT INTO tag(repo, n) VALUES ('s', -1)");
  EXPECT_EQ(check.error().code(), Code::kFailedPrecondition);
  EXPECT_NE(check.error().message().find("INSERT INTO tag(repo, n)"), std::string::npos);
  EXPECT_FALSE(db.run("SELEKT"));
  EXPECT_FALSE(db.run("SELECT ?", 1, 2));

  ASSERT_TRUE(write_file(dir_.path() / "noise", std::string(4096, 'n')));
  EXPECT_EQ(Database::open(dir_.path() / "noise", kFirst).error().code(), Code::kDataLoss);
  EXPECT_EQ(Database::open(dir_.path() / "no/dir", kFirst).error().code(), Code::kNotFound);
}

TEST_F(DatabaseTest, ATransactionRollsBackUnlessCommitted) {
  Database db = open();
  {
    auto tx = db.begin();
    ASSERT_TRUE(tx && db.run("INSERT INTO tag(repo) VALUES ('lost')"));
  }
  EXPECT_EQ(count(db), 0);
  {
    auto tx = db.begin();
    ASSERT_TRUE(tx && db.run("INSERT INTO tag(repo) VALUES ('kept')"));
    Transaction moved = std::move(*tx);
    ASSERT_TRUE(moved.commit());
  }
  EXPECT_EQ(count(db), 1);
  EXPECT_TRUE(db.begin());
}

TEST_F(DatabaseTest, MigrationsRunOnceAndInOrder) {
  {
    ASSERT_TRUE(open(kFirst).run("INSERT INTO tag(repo) VALUES ('old')"));
  }
  for (int i = 0; i < 2; ++i) {
    Database db = open(kSecond);
    auto s = db.prepare("SELECT extra FROM tag");
    ASSERT_TRUE(s && *s->step());
    EXPECT_EQ(s->text(0), "x");
  }
}

TEST_F(DatabaseTest, AFailedMigrationChangesNothing) {
  {
    open(kSecond);
  }
  auto broken = Database::open(file_, kBroken);
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message().find("schema migration 3"), std::string::npos);
  Database db = open(kSecond);
  EXPECT_FALSE(db.run("SELECT * FROM a"));
}

TEST_F(DatabaseTest, ANewerFileIsRefusedAndLeftAlone) {
  {
    open(kSecond);
  }
  auto older = Database::open(file_, kFirst);
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().code(), Code::kFailedPrecondition);
  EXPECT_NE(older.error().message().find("schema version 2"), std::string::npos);
  open(kSecond);
}

TEST_F(DatabaseTest, ASecondConnectionSeesOnlyWhatIsCommitted) {
  Database writer = open();
  Database reader = open();
  auto tx = writer.begin();
  ASSERT_TRUE(tx && writer.run("INSERT INTO tag(repo) VALUES ('r')"));
  EXPECT_EQ(count(reader), 0);
  ASSERT_TRUE(tx->commit());
  EXPECT_EQ(count(reader), 1);
}

TEST_F(DatabaseTest, ManyMayOpenANewFileAtOnce) {
  for (int round = 0; round < 50; ++round) {
    const Path file = dir_.path() / cat("new-", round, ".db");
    std::latch begun(4);
    std::vector<std::thread> openers;
    for (int i = 0; i < 4; ++i) {
      openers.emplace_back([&] {
        begun.arrive_and_wait();
        const auto opened = Database::open(file, kFirst);
        EXPECT_TRUE(opened) << opened.error().message();
      });
    }
    for (std::thread& opener : openers) opener.join();
  }
}

TEST_F(DatabaseTest, OnlyTheOwnerMayReadTheFiles) {
  Database db = open();
  ASSERT_TRUE(db.run("INSERT INTO tag(repo) VALUES ('r')"));
  for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
    EXPECT_EQ(entry.status().permissions(), std::filesystem::perms(0600)) << entry.path();
  }
}

// Commits 'k<i>', tells the parent, then stays inside a transaction that holds 'lost<i>'.
[[noreturn]] void write_and_hang(const Path& file, int round, int ready) {
  auto db = Database::open(file, kFirst);
  if (!db || !db->run("INSERT INTO tag(repo) VALUES (?)", cat("k", round))) _exit(1);
  auto tx = db->begin();
  if (!tx || !db->run("INSERT INTO tag(repo) VALUES (?)", cat("lost", round))) _exit(1);
  if (::write(ready, "x", 1) != 1) _exit(1);
  for (;;) ::pause();
}

TEST_F(DatabaseTest, KillInMidTransactionLosesOnlyThatTransaction) {
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    pid_t child = ::fork();
    if (child == 0) write_and_hang(file_, round, writer.get());
    writer.reset();
    char byte = 0;
    EXPECT_EQ(::read(reader.get(), &byte, 1), 1);
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    Database db = open();
    EXPECT_EQ(count(db), round + 1);
  }
  Database db = open();
  auto lost = db.prepare("SELECT 1 FROM tag WHERE repo LIKE 'lost%'");
  ASSERT_TRUE(lost);
  EXPECT_FALSE(*lost->step());
}

}  // namespace
}  // namespace skiff
