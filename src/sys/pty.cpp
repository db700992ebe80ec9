#include "sys/pty.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>

namespace skiff::sys {

Result<Pty> open_pty(UniqueFd ptmx) {
  int unlock = 0;
  if (::ioctl(ptmx.get(), TIOCSPTLCK, &unlock) != 0) {
    return Error::from_errno(errno, "unlock the terminal");
  }
  UniqueFd slave(::ioctl(ptmx.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave) return Error::from_errno(errno, "open the terminal's other end");
  return Pty{std::move(ptmx), std::move(slave)};
}

Result<> resize_terminal(int fd, int height, int width) {
  winsize size{};
  size.ws_row = static_cast<unsigned short>(std::clamp(height, 0, 65535));
  size.ws_col = static_cast<unsigned short>(std::clamp(width, 0, 65535));
  if (::ioctl(fd, TIOCSWINSZ, &size) != 0) return Error::from_errno(errno, "resize the terminal");
  return {};
}

Result<> take_terminal(int slave) {
  if (::ioctl(slave, TIOCSCTTY, 0) != 0) {
    return Error::from_errno(errno, "make the terminal the controlling one");
  }
  return {};
}

}  // namespace skiff::sys
