// Tables of a registry on a server (db/root_database.h), for a root that has none of its own.
#pragma once

#include "db/root_database.h"

namespace skiff::registry {

// kFailedPrecondition where the root has tables of its own, which would be forgotten; also lost
// ones (mark.h, access/mark.h). Changes nothing.
Result<> may_be_elsewhere(const Path& root, const DatabaseName& name);
// The same, and notes it in the root.
Result<> place_elsewhere(const Path& root, const DatabaseName& name);

}  // namespace skiff::registry
