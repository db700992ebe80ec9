// ROOT/database: where the tables of a root are, if not in files below it. Two lines: the server's
// URL (postgres.h), and the file that has the password, or nothing. Written by who serves from the
// root first; whatever works on the root goes by it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/file.h"
#include "db/database_server.h"

namespace skiff {

struct DatabaseName {
  std::string url;
  Path password_file;  // "" for none
  bool operator==(const DatabaseName&) const = default;
};

// nullopt: the tables are in files of the root, or nowhere yet.
Result<std::optional<DatabaseName>> database_of(const Path& root);
// For a root that has no tables of its own, which would be forgotten.
Result<> note_database(const Path& root, const DatabaseName& name);

// How a program reaches servers. Set by main(); one that sets none works on files alone, and so
// need not be linked with what reaches servers.
using DatabaseConnector = Result<std::shared_ptr<const DatabaseServer>> (*)(const DatabaseName&);
void set_database_connector(DatabaseConnector connector);
// kFailedPrecondition where this program reaches no servers.
Result<std::shared_ptr<const DatabaseServer>> reach_database(const DatabaseName& name);
// Of the root; null where its tables are in its files. kFailedPrecondition where they are elsewhere
// and this program reaches no servers: tables made here would know of nothing that there is.
Result<std::shared_ptr<const DatabaseServer>> database_server_of(const Path& root);

}  // namespace skiff
