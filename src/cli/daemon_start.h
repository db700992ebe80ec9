// Starts the daemon that nobody has started: the skiffd beside our program, in a session of its
// own, with its log beside its socket.
#pragma once

#include "base/file.h"

namespace skiff::cli {

// Returns once it answers at `socket`. Where it ends instead the error has the last line of its
// log, unless another daemon was started at the same time, which is waited for then.
Result<> start_daemon(const Path& socket);

}  // namespace skiff::cli
