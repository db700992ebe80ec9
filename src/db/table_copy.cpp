#include "db/table_copy.h"

#include <algorithm>
#include <ranges>

#include "base/strings.h"

namespace skiff {

namespace {

constexpr int kPage = 1'000;

enum class Type { kInteger, kText, kBytes };

struct Column {
  std::string name;
  Type type = Type::kText;
};

struct Table {
  std::string name;
  std::vector<Column> columns;
  std::string counter;       // the column that the database numbers rows by, if any
  bool never_again = false;  // a number that was used is not used again (AUTOINCREMENT)
};

std::string quoted_column(std::string_view name) { return cat("\"", name, "\""); }

Result<> read_columns(Database& file, Table& table) {
  Statement row =
      TRY(file.prepare("SELECT name, type, pk FROM pragma_table_info(?) ORDER BY cid", table.name));
  int keys = 0;
  while (TRY(row.step())) {
    const std::string type = row.text(1);
    table.columns.push_back({row.text(0), type == "INTEGER" ? Type::kInteger
                                          : type == "BLOB"  ? Type::kBytes
                                                            : Type::kText});
    if (row.integer(2) == 0) continue;
    table.counter = ++keys == 1 && type == "INTEGER" ? row.text(0) : "";
  }
  return {};
}

// In the order in which they were made: what a row refers to is in a table before its own.
Result<std::vector<Table>> tables_of(Database& file) {
  std::vector<Table> tables;
  {
    Statement row =
        TRY(file.prepare("SELECT name, sql LIKE '%AUTOINCREMENT%' FROM sqlite_master"
                         " WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid"));
    while (TRY(row.step())) tables.push_back({row.text(0), {}, "", row.integer(1) != 0});
  }
  for (Table& table : tables) TRY(read_columns(file, table));
  return tables;
}

Result<> clear(Database& db, const std::vector<Table>& tables) {
  for (const Table& table : std::views::reverse(tables)) {
    TRY(db.run(cat("DELETE FROM ", quoted_column(table.name))));
  }
  return {};
}

std::string select(const Table& table) {
  std::vector<std::string> names;
  for (const Column& column : table.columns) names.push_back(quoted_column(column.name));
  return cat("SELECT ", join(names, ", "), " FROM ", quoted_column(table.name));
}

// Numbers and bytes that are null are left out: what a null is bound as is a text.
Result<> insert(Database& to, const Table& table, const Statement& row) {
  std::vector<std::string> names;
  std::vector<int> given;
  for (int i = 0; i < static_cast<int>(table.columns.size()); ++i) {
    const Column& column = table.columns[static_cast<size_t>(i)];
    if (row.is_null(i) && column.type != Type::kText) continue;
    names.push_back(quoted_column(column.name));
    given.push_back(i);
  }
  const std::vector<std::string> places(given.size(), "?");
  Statement statement =
      TRY(to.prepare(cat("INSERT INTO ", quoted_column(table.name), "(", join(names, ", "),
                         ") VALUES (", join(places, ", "), ")")));
  int index = 0;
  for (const int i : given) {
    ++index;
    const Type type = table.columns[static_cast<size_t>(i)].type;
    if (row.is_null(i)) {
      TRY(statement.bind(index, nullptr));
    } else if (type == Type::kInteger) {
      TRY(statement.bind(index, row.integer(i)));
    } else {
      const std::string value = row.text(i);
      TRY(type == Type::kText ? statement.bind(index, std::string_view(value))
                              : statement.bind_blob(index, value));
    }
  }
  TRY(statement.step());
  return {};
}

Result<int64_t> one_number(Result<Statement> asked) {
  Statement row = TRY(std::move(asked));
  return TRY(row.step()) ? row.integer(0) : 0;
}

Result<> copy_rows_from_server(Database& server, Database& file, const Table& table) {
  // A name for each: the server keeps what it knows of a statement's columns by its text.
  const std::string cursor = cat("rows_of_", table.name);
  TRY(server.run(cat("DECLARE ", cursor, " NO SCROLL CURSOR FOR ", select(table))));
  for (bool more = true; more;) {
    more = false;
    Statement row = TRY(server.prepare(cat("FETCH ", kPage, " FROM ", cursor)));
    for (; TRY(row.step()); more = true) TRY(insert(file, table, row));
  }
  TRY(server.run(cat("CLOSE ", cursor)));
  if (!table.never_again) return {};
  const int64_t last =
      TRY(one_number(server.prepare("SELECT coalesce(pg_sequence_last_value("
                                    "pg_get_serial_sequence(?, ?)::regclass), 0)",
                                    table.name, table.counter)));
  TRY(file.run("DELETE FROM sqlite_sequence WHERE name = ?", table.name));
  TRY(file.run("INSERT INTO sqlite_sequence(name, seq) VALUES (?, ?)", table.name, last));
  return {};
}

Result<> copy_rows_to_server(Database& file, Database& server, const Table& table) {
  {
    Statement row = TRY(file.prepare(select(table)));
    while (TRY(row.step())) TRY(insert(server, table, row));
  }
  if (table.counter.empty()) return {};
  int64_t last =
      TRY(one_number(file.prepare(cat("SELECT coalesce(max(", quoted_column(table.counter),
                                      "), 0) FROM ", quoted_column(table.name)))));
  if (table.never_again) {
    last = std::max(last, TRY(one_number(file.prepare(
                              "SELECT seq FROM sqlite_sequence WHERE name = ?", table.name))));
  }
  if (last == 0) return {};
  TRY(one_number(server.prepare("SELECT setval(pg_get_serial_sequence(?, ?)::regclass, ?)",
                                table.name, table.counter, last)));
  return {};
}

}  // namespace

Result<> copy_from_server(Database& server, Database& file) {
  const std::vector<Table> tables = TRY(tables_of(file));
  Transaction into = TRY(file.begin());
  TRY(clear(file, tables));
  Transaction at = TRY(server.begin());
  // PostgreSQL, SET TRANSACTION: waits for a moment at which nothing can be out of order.
  TRY(server.run("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE"));
  for (const Table& table : tables) {
    TRY_CONTEXT(copy_rows_from_server(server, file, table), cat("table ", table.name));
  }
  TRY(at.commit());
  return into.commit();
}

Result<> copy_to_server(Database& file, Database& server) {
  const std::vector<Table> tables = TRY(tables_of(file));
  Transaction into = TRY(server.begin());
  TRY(clear(server, tables));
  for (const Table& table : tables) {
    TRY_CONTEXT(copy_rows_to_server(file, server, table), cat("table ", table.name));
  }
  return into.commit();
}

}  // namespace skiff
