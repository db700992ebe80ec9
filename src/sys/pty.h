// Pseudo-terminals.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skiff::sys {

struct Pty {
  UniqueFd master;
  UniqueFd slave;
};
// A new terminal of the devpts instance whose ptmx is open as `ptmx` (O_RDWR | O_NOCTTY). The
// slave is reached through the master, never by a name.
Result<Pty> open_pty(UniqueFd ptmx);
Result<> resize_terminal(int fd, int height, int width);
// Makes `slave` the controlling terminal of the calling session leader.
Result<> take_terminal(int slave);

}  // namespace skiff::sys
