// The tables of registry.db, as the steps from one version to the next (db/database.h).
// docs/formats/registry.md explains each table.
#pragma once

#include <span>

#include "db/database_server.h"

namespace skiff::registry {

std::span<const char* const> migrations();

// ROOT/registry.db, readable by its owner alone: it tells of private repositories, and has the
// audit log. Made where there never was one, else as check_not_lost() (mark.h). On the database
// server where ROOT/database names one. For what works beside a registry that serves.
Result<Database> open_registry_database(const Path& root,
                                        DatabaseServer::Use use = DatabaseServer::Use::kDurable);

}  // namespace skiff::registry
