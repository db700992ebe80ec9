// The files of a directory copied into a file system that is to be mounted over it ("tmpcopyup").
#pragma once

#include "base/result.h"

namespace skiff::runtime {

// Both are open directories. Owners, modes and times are kept; sockets and extended attributes
// are not. Links are copied, not followed.
Result<> copy_up(int from, int to);

}  // namespace skiff::runtime
