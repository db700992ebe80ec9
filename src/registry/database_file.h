// ROOT/database: where the tables of a root's registry are, if not in ROOT/registry.db. Two lines:
// the server's URL (db/postgres.h), and the file that has the password, or nothing. Written by who
// serves from the root first; whatever works on the root goes by it.
#pragma once

#include <optional>
#include <string>

#include "base/file.h"

namespace skiff::registry {

struct DatabaseName {
  std::string url;
  Path password_file;  // "" for none
  bool operator==(const DatabaseName&) const = default;
};

// nullopt: the tables are in ROOT/registry.db, or nowhere yet.
Result<std::optional<DatabaseName>> database_of(const Path& root);
// kFailedPrecondition where the root has tables of its own, which would be forgotten.
Result<> note_database(const Path& root, const DatabaseName& name);
// kFailedPrecondition where they are elsewhere: a new registry.db would know of no blob that is
// here.
Result<> expect_own_tables(const Path& root);

}  // namespace skiff::registry
