#include "db/table_copy.h"

#include "base/strings.h"
#include "db/test_postgres.h"

namespace skiff {
namespace {

using Use = DatabaseServer::Use;

constexpr const char* kSchema[] = {
    "CREATE TABLE owner(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL);"
    "CREATE TABLE thing(owner INTEGER NOT NULL REFERENCES owner(id), \"offset\" INTEGER,"
    " word TEXT, bytes BLOB, PRIMARY KEY(owner, word));"
    "CREATE TABLE number(id INTEGER PRIMARY KEY, n INTEGER);"
    "INSERT INTO number(id, n) VALUES (1, 7);"};

class TableCopy : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresForTests::available()) GTEST_SKIP() << "postgresql-15 is not installed";
  }
  static Database open_server() {
    const auto server = PostgresForTests::get().server();
    return *server->connect(PostgresForTests::new_schema(), Use::kDurable, kSchema);
  }
  Database open_file(const std::string& name) {
    return *Database::open(dir_.path() / name, kSchema);
  }
  static int64_t new_owner(Database& db) {
    Statement row = *db.prepare("INSERT INTO owner(name) VALUES ('new') RETURNING id");
    EXPECT_TRUE(*row.step());
    return row.integer(0);
  }
  // All of it, as one text.
  static std::string contents(Database& db) {
    std::string out;
    for (const char* sql : {"SELECT id, name, '', '' FROM owner ORDER BY id",
                            "SELECT \"offset\", word, bytes, owner FROM thing ORDER BY owner, word",
                            "SELECT id, n, '', '' FROM number ORDER BY id"}) {
      Statement row = *db.prepare(sql);
      while (*row.step()) {
        for (int i = 0; i < 4; ++i) out += row.is_null(i) ? "null " : cat(quoted(row.text(i)), " ");
        out += "\n";
      }
    }
    return out;
  }
  // More rows than a page has, values of all kinds, and numbers that were used and are gone.
  static void fill(Database& db) {
    ASSERT_TRUE(db.run("DELETE FROM number"));
    for (int i = 0; i < 3; ++i) new_owner(db);
    ASSERT_TRUE(db.run("DELETE FROM owner WHERE id = 3"));
    const std::string bytes("\0a'\\\xff", 5);
    Transaction tx = *db.begin();
    for (int i = 0; i < 2'500; ++i) {
      Statement row =
          *db.prepare("INSERT INTO thing(owner, word, bytes) VALUES (2, ?, ?)", cat("wörd ", i));
      ASSERT_TRUE(row.bind_blob(2, bytes) && row.step());
    }
    ASSERT_TRUE(
        db.run("INSERT INTO thing(owner, \"offset\", word) VALUES (1, ?, '')", int64_t{1} << 40));
    ASSERT_TRUE(db.run("INSERT INTO number(id, n) VALUES (40, ?)", 1));
    ASSERT_TRUE(tx.commit());
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-tables-");
};

TEST_F(TableCopy, AllRowsComeFromAServerAndGoBack) {
  Database server = open_server();
  fill(server);
  Database file = open_file("file");
  const auto copied = copy_from_server(server, file);
  ASSERT_TRUE(copied) << copied.error().message();
  EXPECT_EQ(contents(file), contents(server));
  Database other = open_server();
  const auto back = copy_to_server(file, other);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(contents(other), contents(server));
  // Numbers go on behind those that were used, also by rows that are gone.
  for (Database* db : {&file, &other}) {
    EXPECT_EQ(new_owner(*db), 4);
    Statement row = *db->prepare("INSERT INTO number(n) VALUES (1) RETURNING id");
    EXPECT_TRUE(*row.step());
    EXPECT_EQ(row.integer(0), 41);
  }
}

TEST_F(TableCopy, EmptyTablesStayEmpty) {
  Database server = open_server();
  ASSERT_TRUE(server.run("DELETE FROM number"));
  Database file = open_file("file");
  ASSERT_TRUE(copy_from_server(server, file));
  EXPECT_EQ(contents(file), "");
  EXPECT_EQ(new_owner(file), 1);
  Database other = open_server();
  ASSERT_TRUE(copy_to_server(file, other));
  EXPECT_EQ(new_owner(other), 2);
}

// Writers go on beside it, and what comes is of one moment.
TEST_F(TableCopy, WritersBesideItAreNotRefused) {
  const auto server = PostgresForTests::get().server();
  const std::string schema = PostgresForTests::new_schema();
  Database reader = *server->connect(schema, Use::kDurable, kSchema);
  ASSERT_TRUE(reader.run("DELETE FROM number"));
  std::atomic<bool> over = false;
  std::thread writer([&] {
    Database db = *server->connect(schema, Use::kDurable, {});
    while (!over) {
      Transaction tx = *db.begin();
      // Two rows in two tables, or none.
      EXPECT_TRUE(db.run("INSERT INTO number(n) VALUES (9)"));
      EXPECT_TRUE(db.run("INSERT INTO owner(name) VALUES ('beside')"));
      const auto committed = tx.commit();
      EXPECT_TRUE(committed) << committed.error().message();
    }
  });
  for (int i = 0; i < 5; ++i) {
    Database file = open_file(cat("file", i));
    const auto copied = copy_from_server(reader, file);
    EXPECT_TRUE(copied) << copied.error().message();
    Statement row = *file.prepare(
        "SELECT (SELECT count(*) FROM number WHERE n = 9) -"
        " (SELECT count(*) FROM owner WHERE name = 'beside')");
    EXPECT_TRUE(*row.step());
    EXPECT_EQ(row.integer(0), 0);
  }
  over = true;
  writer.join();
}

}  // namespace
}  // namespace skiff
