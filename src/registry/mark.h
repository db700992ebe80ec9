// ROOT/has-registry: says that the root has a registry.db (db/root_mark.h). Without it a lost
// registry.db would be one that was never there, and its registry served as an empty one over all
// that was pushed.
#pragma once

#include "base/file.h"
#include "base/result.h"

namespace skiff::registry {

inline constexpr const char* kDatabaseName = "registry.db";
inline constexpr const char* kMarkName = "has-registry";

// Nothing where it is there. Behind the first commit to registry.db.
Result<> make_mark(const Path& root);
// Before registry.db is opened, or made: kFailedPrecondition, with what to do, where there was one
// and now is none, or an empty file. That there was one tells the mark, and a root of before there
// were marks its blobs' records.
Result<> check_not_lost(const Path& root);
// Whether the root has tables of a registry, in its file or on a server; fails as check_not_lost().
Result<bool> has_registry(const Path& root);

}  // namespace skiff::registry
