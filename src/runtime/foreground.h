// A process of a container in the foreground: its terminal, the signals it is passed, its end.
#pragma once

#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "runtime/command_line.h"
#include "runtime/container.h"

namespace skiff::runtime {

// Where the master of a new process's terminal goes: a caller's socket, or this process.
class Console {
 public:
  // `socket_path` is --console-socket's. Without a terminal there is none.
  static Result<Console> open(bool terminal, const std::string& socket_path, bool detached);
  int socket() const { return theirs_.get(); }
  // After the process has been made: our own end of its terminal, if it is ours.
  Result<UniqueFd> take_master();

 private:
  UniqueFd ours_;
  UniqueFd theirs_;
};

bool wants_terminal(const OciConfig& config);

// Waits for the child `pid`, passes signals on to it, copies between its terminal (if
// `master`) and ours; the exit code.
Result<int> attend(const sys::Child& child, UniqueFd master);

// Blocks the signals that attend() passes on; before the child is made, so that none is lost.
void hold_signals();

// The flags "pid-file" and "pidfd-socket", which the commands that make a process have.
Result<> announce(const CommandArguments& arguments, int pid, int pidfd);

}  // namespace skiff::runtime
