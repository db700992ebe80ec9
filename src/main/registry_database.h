// The database server of skiff-registry's --database, and of a root's own note of it.
#pragma once

#include <memory>

#include "db/database_server.h"
#include "registry/database_file.h"

namespace skiff {

// Connects to nothing yet. The password is read from its file, where one is named.
Result<std::shared_ptr<const DatabaseServer>> database_server(const registry::DatabaseName& name);
// Of the root; null where the tables are in registry.db.
Result<std::shared_ptr<const DatabaseServer>> database_server_of(const Path& root);

}  // namespace skiff
