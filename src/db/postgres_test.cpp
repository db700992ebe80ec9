#include "db/postgres.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/strings.h"
#include "db/attempts.h"
#include "db/test_postgres.h"

namespace skiff {
namespace {

using PostgresUse = DatabaseServer::Use;

constexpr const char* kFirstMigration[] = {
    "CREATE TABLE tag(id INTEGER PRIMARY KEY, repo TEXT NOT NULL UNIQUE, name TEXT,"
    " n INTEGER CHECK(n >= 0), bytes BLOB);"};
constexpr const char* kSecondMigration[] = {kFirstMigration[0],
                                            "ALTER TABLE tag ADD COLUMN extra TEXT DEFAULT 'x';"};
constexpr const char* kBrokenMigration[] = {kFirstMigration[0], kSecondMigration[1],
                                            "CREATE TABLE a(x TEXT); NONSENSE;"};

class PostgresTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresForTests::available()) GTEST_SKIP() << "postgresql-15 is not installed";
    server_ = PostgresForTests::get().server();
  }
  Database open(PostgresUse use = PostgresUse::kDurable,
                std::span<const char* const> migrations = kFirstMigration) {
    auto db = server_->connect(schema_, use, migrations);
    EXPECT_TRUE(db) << db.error().message();
    return std::move(*db);
  }
  static Result<int64_t> try_number(Database& db, const std::string& sql) {
    Statement s = TRY(db.prepare(sql));
    TRY(s.step());
    return s.integer(0);
  }
  static int64_t number(Database& db, const std::string& sql) {
    const auto n = try_number(db, sql);
    EXPECT_TRUE(n) << n.error().message();
    return n.value_or(-1);
  }
  static int64_t count(Database& db) { return number(db, "SELECT count(*) FROM tag"); }
  // Ends the session as a server does that is shut down.
  void end_session(Database& db) {
    const int64_t process = number(db, "SELECT pg_backend_pid()");
    Database other = open();
    number(other, cat("SELECT pg_terminate_backend(", process, ", 60000)"));
  }

  std::shared_ptr<const DatabaseServer> server_;
  std::string schema_ = PostgresForTests::new_schema();
};

TEST_F(PostgresTest, ValuesOfEveryKindComeBack) {
  Database db = open();
  const std::string binary("a\0b\xff'\\", 6);
  ASSERT_TRUE(db.run("INSERT INTO tag(repo, name, n) VALUES (?, ?, ?)", "r", std::string("n"), 7u));
  ASSERT_TRUE(db.run("INSERT INTO tag(repo, name, n) VALUES (?, ?, ?)", std::string_view{}, nullptr,
                     int64_t{1} << 40));
  ASSERT_TRUE(db.run("INSERT INTO tag(repo, name, n) VALUES ('o', ?, 1)",
                     std::optional<std::string>("gegeben ä ' \\")));
  ASSERT_TRUE(db.run("INSERT INTO tag(repo, name) VALUES ('p', ?)", std::optional<std::string>()));
  {
    auto s = db.prepare("INSERT INTO tag(repo, bytes, n) VALUES ('z', ?, ?)");
    ASSERT_TRUE(s && s->bind_blob(1, binary) && s->bind(2, int64_t{0}) && s->step());
  }
  auto s = db.prepare("SELECT repo, name, n, bytes, n > 1 FROM tag ORDER BY repo");
  ASSERT_TRUE(s && *s->step());
  EXPECT_EQ(s->text(0), "");
  EXPECT_FALSE(s->is_null(0));
  EXPECT_TRUE(s->is_null(1));
  EXPECT_EQ(s->integer(2), int64_t{1} << 40);
  EXPECT_EQ(s->integer(4), 1);
  ASSERT_TRUE(*s->step());
  EXPECT_EQ(s->text(1), "gegeben ä ' \\");
  EXPECT_EQ(s->integer(4), 0);
  ASSERT_TRUE(*s->step());
  EXPECT_TRUE(s->is_null(1));
  EXPECT_EQ(s->integer(2), 0);
  ASSERT_TRUE(*s->step());
  EXPECT_EQ(s->integer(2), 7);
  ASSERT_TRUE(*s->step());
  EXPECT_EQ(s->text(3), binary);
  EXPECT_FALSE(*s->step());
  EXPECT_EQ(number(db, "SELECT sum(n) FROM tag"), (int64_t{1} << 40) + 8);
}

TEST_F(PostgresTest, AStatementCanBeUsedAgainAndTwiceAtOnce) {
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
  auto made = db.prepare("INSERT INTO tag(repo) VALUES ('new') RETURNING id");
  ASSERT_TRUE(made && *made->step());
  EXPECT_EQ(made->integer(0), 4);
}

TEST_F(PostgresTest, ErrorsHaveTheirCodes) {
  Database db = open();
  ASSERT_TRUE(db.run("INSERT INTO tag(repo) VALUES ('r')"));
  const auto twice = db.run("INSERT INTO tag(repo) VALUES (?)", "r");
  EXPECT_EQ(twice.error().code(), Code::kAlreadyExists);
  EXPECT_NE(twice.error().message().find("INSERT INTO tag(repo)"), std::string::npos);
  EXPECT_EQ(db.run("INSERT INTO tag(repo, n) VALUES ('s', -1)").error().code(),
            Code::kFailedPrecondition);
  for (const std::string& text : {std::string("a\0b", 3), std::string("\xff")}) {
    EXPECT_EQ(db.run("INSERT INTO tag(repo) VALUES (?)", text).error().code(),
              Code::kInvalidArgument);
  }
  EXPECT_EQ(db.run("SELEKT").error().code(), Code::kInternal);
  EXPECT_FALSE(db.run("SELECT ?", 1, 2));
  EXPECT_EQ(count(db), 1);
}

TEST_F(PostgresTest, ATransactionRollsBackUnlessCommitted) {
  Database db = open();
  {
    auto tx = db.begin();
    ASSERT_TRUE(tx && db.run("INSERT INTO tag(repo) VALUES ('lost')"));
  }
  EXPECT_EQ(count(db), 0);
  Database reader = open(PostgresUse::kRead);
  auto tx = db.begin();
  ASSERT_TRUE(tx && db.run("INSERT INTO tag(repo) VALUES ('kept')"));
  Transaction moved = std::move(*tx);
  EXPECT_EQ(count(reader), 0);
  ASSERT_TRUE(moved.commit());
  EXPECT_EQ(count(reader), 1);
}

TEST_F(PostgresTest, ATransactionWithAFailedStatementIsNotCommitted) {
  Database db = open();
  auto tx = db.begin();
  ASSERT_TRUE(tx && db.run("INSERT INTO tag(repo) VALUES ('lost')"));
  ASSERT_FALSE(db.run("INSERT INTO tag(repo, n) VALUES ('s', -1)"));
  EXPECT_FALSE(tx->commit());
  EXPECT_EQ(count(db), 0);
}

TEST_F(PostgresTest, MigrationsRunOnceAndInOrderWhoeverComesFirst) {
  std::vector<std::jthread> several;
  for (int i = 0; i < 4; ++i) several.emplace_back([this] { open(); });
  several.clear();
  {
    ASSERT_TRUE(open().run("INSERT INTO tag(repo) VALUES ('old')"));
  }
  for (int i = 0; i < 2; ++i) {
    Database db = open(PostgresUse::kDurable, kSecondMigration);
    auto s = db.prepare("SELECT extra FROM tag");
    ASSERT_TRUE(s && *s->step());
    EXPECT_EQ(s->text(0), "x");
  }
}

TEST_F(PostgresTest, AFailedMigrationChangesNothingAndANewerSchemaIsRefused) {
  open(PostgresUse::kDurable, kSecondMigration);
  const auto broken = server_->connect(schema_, PostgresUse::kDurable, kBrokenMigration);
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message().find("schema migration 3"), std::string::npos);
  Database db = open(PostgresUse::kDurable, kSecondMigration);
  EXPECT_FALSE(db.run("SELECT * FROM a"));
  const auto older = server_->connect(schema_, PostgresUse::kDurable, kFirstMigration);
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().code(), Code::kFailedPrecondition);
  EXPECT_NE(older.error().message().find("schema has version 2"), std::string::npos);
}

// Each of two takes the last one only where another is left: of an order one after the other the
// second finds none.
TEST_F(PostgresTest, TransactionsThatMeetAreAsIfOneRanAfterTheOther) {
  Database setup = open();
  ASSERT_TRUE(setup.run("INSERT INTO tag(repo, n) VALUES ('a', 1), ('b', 1)"));
  std::atomic<int> attempts = 0;
  std::atomic<int> taken = 0;
  const auto take = [&](const std::string& repo) {
    Database db = open();
    const auto result = with_attempts(db, [&](Transaction& tx) -> Result<> {
      const int64_t left = TRY(try_number(db, "SELECT count(*) FROM tag WHERE n = 1"));
      // Both have looked before either writes.
      if (++attempts <= 2) {
        while (attempts < 2) std::this_thread::yield();
      }
      if (left < 2) return {};
      TRY(db.run("UPDATE tag SET n = 0 WHERE repo = ?", repo));
      TRY(tx.commit());
      ++taken;
      return {};
    });
    EXPECT_TRUE(result) << result.error().message();
  };
  {
    std::jthread a(take, "a");
    std::jthread b(take, "b");
  }
  EXPECT_EQ(taken, 1);
  EXPECT_GE(attempts, 3);
  EXPECT_EQ(number(setup, "SELECT count(*) FROM tag WHERE n = 1"), 1);
}

TEST_F(PostgresTest, ManyThatCountOnTheSameRowAllGetThrough) {
  Database setup = open();
  ASSERT_TRUE(setup.run("INSERT INTO tag(repo, n) VALUES ('a', 0)"));
  constexpr int kThreads = 6;
  constexpr int kRounds = 20;
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([this] {
      Database db = open();
      for (int round = 0; round < kRounds; ++round) {
        const auto done = with_attempts(db, [&](Transaction& tx) -> Result<> {
          const int64_t n = TRY(try_number(db, "SELECT n FROM tag WHERE repo = 'a'"));
          TRY(db.run("UPDATE tag SET n = ? WHERE repo = 'a'", n + 1));
          return tx.commit();
        });
        EXPECT_TRUE(done) << done.error().message();
      }
    });
  }
  threads.clear();
  EXPECT_EQ(number(setup, "SELECT n FROM tag"), kThreads * kRounds);
}

TEST_F(PostgresTest, ChangesAreCountedWhereThatIsAskedFor) {
  EXPECT_FALSE(*server_->has(schema_));
  Database db = open(PostgresUse::kCounted);
  EXPECT_TRUE(*server_->has(schema_));
  Database other = open(PostgresUse::kCounted);
  const int64_t before = *db.change_count();
  EXPECT_EQ(count(other), 0);
  EXPECT_EQ(*db.change_count(), before);
  {
    auto tx = other.begin();
    ASSERT_TRUE(tx && other.run("INSERT INTO tag(repo) VALUES ('lost')"));
  }
  EXPECT_EQ(*db.change_count(), before);
  for (const char* sql :
       {"INSERT INTO tag(repo) VALUES ('r')", "UPDATE tag SET n = 1", "DELETE FROM tag"}) {
    const int64_t last = *db.change_count();
    ASSERT_TRUE(other.run(sql));
    EXPECT_GT(*db.change_count(), last) << sql;
  }
}

TEST_F(PostgresTest, ClaimedRowsAreNobodyElses) {
  Database one = open();
  Database two = open();
  ASSERT_TRUE(one.run("INSERT INTO tag(repo) VALUES ('a'), ('b'), ('c')"));
  const auto claim = [](Database& db) {
    auto rows = db.prepare(cat("SELECT repo FROM tag ORDER BY repo LIMIT 2", db.claiming()));
    std::string out;
    while (*rows->step()) out += rows->text(0);
    return out;
  };
  auto first = one.begin();
  EXPECT_EQ(claim(one), "ab");
  auto second = two.begin();
  EXPECT_EQ(claim(two), "c");
}

// A table that has no index for a question is read at a price that would have the server compile
// the statement, each time it is asked.
TEST_F(PostgresTest, NoStatementIsCompiledByLlvm) {
  Database db = open();
  std::string plan;
  Statement rows = *db.prepare("EXPLAIN (ANALYZE) SELECT 1 FROM tag WHERE n = 0");
  while (*rows.step()) plan += rows.text(0) + "\n";
  EXPECT_NE(plan.find("Seq Scan"), std::string::npos) << plan;
  EXPECT_EQ(plan.find("JIT"), std::string::npos) << plan;
}

TEST_F(PostgresTest, ALostSessionIsReplacedBetweenTransactions) {
  Database db = open();
  Database reader = open(PostgresUse::kRead);
  for (Database* each : {&db, &reader}) end_session(*each);
  EXPECT_EQ(count(reader), 0);
  const auto written = with_attempts(db, [&](Transaction& tx) -> Result<> {
    TRY(db.run("INSERT INTO tag(repo) VALUES ('r')"));
    return tx.commit();
  });
  EXPECT_TRUE(written) << written.error().message();
  EXPECT_EQ(count(reader), 1);
}

TEST_F(PostgresTest, ATransactionWhoseSessionIsLostRunsAgainAsAWhole) {
  Database db = open();
  int attempts = 0;
  const auto written = with_attempts(db, [&](Transaction& tx) -> Result<> {
    TRY(db.run("INSERT INTO tag(repo) VALUES ('first')"));
    if (++attempts == 1) end_session(db);
    TRY(db.run("INSERT INTO tag(repo) VALUES ('second')"));
    return tx.commit();
  });
  EXPECT_TRUE(written) << written.error().message();
  EXPECT_EQ(attempts, 2);
  EXPECT_EQ(count(db), 2);
}

TEST_F(PostgresTest, WhatWasCommittedOutlivesAKilledServer) {
  Database db = open();
  int committed = 0;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(db.run("INSERT INTO tag(repo) VALUES (?)", cat(round, "-", i)));
      ++committed;
    }
    PostgresForTests::get().kill(SIGKILL);
    PostgresForTests::get().start();
    EXPECT_EQ(count(db), committed);
  }
}

TEST_F(PostgresTest, AServerThatIsNotThereIsNamedWithoutThePassword) {
  auto nowhere = postgres_server("postgresql://skiff@/x?host=/nonexistent", "hunter2");
  ASSERT_TRUE(nowhere);
  const auto db = (*nowhere)->connect("registry", PostgresUse::kDurable, kFirstMigration);
  ASSERT_FALSE(db);
  EXPECT_EQ(db.error().code(), Code::kUnavailable);
  EXPECT_NE(db.error().message().find("postgresql://skiff@/x"), std::string::npos);
  EXPECT_EQ(db.error().message().find("hunter2"), std::string::npos);
}

TEST(PostgresUrl, APasswordInItIsRefusedAndNotRepeated) {
  for (const char* url :
       {"postgresql://ann:hunter2@db/skiff", "postgresql:///skiff?password=hunter2",
        "postgresql://ann:hunter2@db/skiff?nonsense=1", "mysql://ann@db/skiff"}) {
    const auto server = postgres_server(url);
    ASSERT_FALSE(server) << url;
    EXPECT_EQ(server.error().code(), Code::kInvalidArgument);
    EXPECT_EQ(server.error().message().find("hunter2"), std::string::npos);
  }
  EXPECT_TRUE(postgres_server("postgresql://ann@db.example:5433/skiff?sslmode=verify-full"));
}

}  // namespace
}  // namespace skiff
