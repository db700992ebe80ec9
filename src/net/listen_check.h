// Whether listen_unix() would be refused as things are, for who makes much before he listens:
// nothing is made or replaced.
#pragma once

#include "base/file.h"

namespace skiff::net {

Result<> check_listen_unix(const Path& path);

}  // namespace skiff::net
