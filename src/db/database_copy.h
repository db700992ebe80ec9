// A copy of a SQLite file of whatever schema, while others read and write it.
#pragma once

#include "base/file.h"
#include "base/result.h"

namespace skiff {

// Makes `to`, which is not there yet, what `from` is at one moment: a whole database, durable, with
// the mode of `from`.
Result<> copy_database(const Path& from, const Path& to);

}  // namespace skiff
