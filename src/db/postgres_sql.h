// SQLite's words in PostgreSQL's, as far as Skiff's statements and migrations use them: one text of
// SQL serves both.
#pragma once

#include <string>
#include <string_view>

namespace skiff::db_detail {

struct PostgresSql {
  std::string text;
  int parameters = 0;  // the highest number
};

// ?, ?1 → $1; `name COLLATE NOCASE` → lower(name), which is the same order; x'00' → bytea.
PostgresSql postgres_statement(std::string_view sql);
// Of migrations, the types, too: all numbers are BIGINT, all texts are ordered by their bytes.
std::string postgres_script(std::string_view sql);

}  // namespace skiff::db_detail
