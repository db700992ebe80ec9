#include "runtime/terminal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.h"
#include "sys/pty.h"
#include "sys/unix_socket.h"

namespace skiff::runtime {

namespace {

constexpr const char* kPtmx = "/dev/pts/ptmx";

Result<UniqueFd> open_ptmx(const sys::RootDir& root) {
  // What is there is looked at before it is opened: the container may have put anything.
  Result<struct stat> st = root.stat(kPtmx);
  if (!st) return Error(st.error()).with_context("process.terminal needs a devpts at /dev/pts");
  if (!S_ISCHR(st->st_mode) || st->st_rdev != makedev(5, 2)) {
    return Error(Code::kFailedPrecondition, cat(kPtmx, " is no terminal multiplexer"));
  }
  return root.open_at(kPtmx, O_RDWR | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
}

}  // namespace

Result<UniqueFd> open_terminal(const sys::RootDir& root, const OciProcess& process,
                               int console_socket) {
  if (console_socket < 0) {
    return Error(Code::kInvalidArgument,
                 "cannot allocate a terminal without a console socket to send it over");
  }
  UniqueFd ptmx = TRY(open_ptmx(root));
  ::fcntl(ptmx.get(), F_SETFL, O_RDWR);
  sys::Pty pty = TRY(sys::open_pty(std::move(ptmx)));
  if (process.console_height > 0 && process.console_width > 0) {
    TRY(sys::resize_terminal(pty.slave.get(), process.console_height, process.console_width));
  }
  TRY_CONTEXT(sys::send_fd(console_socket, pty.master.get(), "/dev/ptmx"), "console socket");
  return std::move(pty.slave);
}

Result<> use_terminal(int slave) {
  TRY(sys::take_terminal(slave));
  for (int fd = 0; fd < 3; ++fd) {
    if (::dup2(slave, fd) < 0) return Error::from_errno(errno, "install the terminal");
  }
  return {};
}

}  // namespace skiff::runtime
