// Our own program, out of the containers' reach.
#pragma once

#include <span>

#include "base/file.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace skiff::runtime {

// The program that runs here, wherever it was started from.
inline constexpr const char* kOwnProgram = "/proc/self/exe";

// A container that gets hold of /proc/PID/exe of a process of ours could write to the
// program the host runs next (CVE-2019-5736). So whatever enters containers runs from a
// private read-only mount of it: executes itself anew from there, and does nothing when it
// is there already. `arguments` without argv[0], which becomes `name`.
Result<> run_from_readonly_mount(const char* name, std::span<char* const> arguments);

// A program on such a mount for as long as this lives: started by path() it need
// not execute itself anew. It stays the program that it was, whatever is put in its place. The
// program itself, on no such mount, where we may mount nothing. Thread-safe.
class ShieldedProgram {
 public:
  static Result<ShieldedProgram> open(const Path& program);
  // For this process and its children.
  Path path() const;

 private:
  explicit ShieldedProgram(UniqueFd file) : file_(std::move(file)) {}
  UniqueFd file_;
};

}  // namespace skiff::runtime
