// How skiff-registry reaches the database server of its roots.
#pragma once

#include "db/root_database.h"

namespace skiff {

// Connects to nothing yet. The password is read from its file, where one is named.
Result<std::shared_ptr<const DatabaseServer>> database_server(const DatabaseName& name);

}  // namespace skiff
