// Process: a child program: started, waited for, its output captured. The seam through which
// everything but the container runtime starts programs (the runtime clones its own).
//
//   Captured out = TRY(run_captured({.args = {"qemu-aarch64-static", "--version"}}));
//
//   Process p = TRY(Process::spawn({.args = {"tar", "-c", "."}, .fds = {{pipe.write.get(), 1}}}));
//   ... read the pipe ...
//   int code = TRY(p.wait());
//
// The child gets only the descriptors it is given: 0, 1 and 2 are /dev/null unless mapped,
// all others are closed. Signals are at their defaults and unblocked. A Process still running
// at the end of its scope is killed and reaped, unless detached. Not thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cancellation.h"
#include "base/file.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace skiff::sys {

struct ProcessOptions {
  std::vector<std::string> args;                // args[0] is looked up in PATH
  Path program;                                 // what is run instead, under the name args[0]
  std::optional<std::vector<std::string>> env;  // ours when absent
  Path working_dir;                             // ours when empty
  std::vector<std::pair<int, int>> fds;         // {our descriptor, its number in the child}
  bool new_session = false;                     // setsid
};

class Process {
 public:
  // Fails when the program cannot be executed ("start x: No such file or directory").
  static Result<Process> spawn(const ProcessOptions& options);

  Process(Process&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)), pidfd_(std::move(other.pidfd_)) {}
  Process& operator=(Process&& other) noexcept;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  int pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }  // readable once it has ended
  Result<> kill(int signal_number);
  // The exit code, 128 + N after signal N. Cancelling kills the process (kCancelled).
  Result<int> wait(const CancelToken& cancel = {});
  // Lets it run on; somebody else reaps it.
  void detach() { pid_ = 0; }

 private:
  Process(int pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  int pid_;  // 0: nothing to reap
  UniqueFd pidfd_;
};

// What a wait status means: the exit code, or 128 + the signal.
int exit_code_of(int wait_status);

// As many descriptors as the system lets this process have, for one that serves many clients.
void raise_descriptor_limit();
struct Pipe {
  UniqueFd read;
  UniqueFd write;
};
Result<Pipe> make_pipe(int flags = 0);  // always close-on-exec

struct Captured {
  int code = 0;
  std::string out;
  std::string err;
};
// Runs to the end, feeding `input`; kResourceExhausted (and a kill) beyond `limit` bytes of
// output. A code other than 0 is not an Error.
Result<Captured> run_captured(ProcessOptions options, std::string_view input = {},
                              const CancelToken& cancel = {}, size_t limit = size_t{64} << 20U);

}  // namespace skiff::sys
