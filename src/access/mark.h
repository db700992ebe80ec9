// ROOT/has-accounts: says that the root has accounts (db/root_mark.h), so that the loss of
// access.db opens nothing. It is removed by whoever means to let anybody do anything from then on.
#pragma once

#include "base/file.h"
#include "base/result.h"

namespace skiff::access {

inline constexpr const char* kMarkName = "has-accounts";

// Nothing where it is there.
Result<> make_mark(const Path& root);
// Of a root without access.db: kFailedPrecondition, with what to do, where it has the mark.
Result<> check_not_lost(const Path& root);

}  // namespace skiff::access
