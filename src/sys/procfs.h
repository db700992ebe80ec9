// ProcFs: the one way by which what we do to a container goes through /proc.
//
//   const ProcFs* proc = TRY(ProcFs::ours());
//   TRY(proc->write(cat(pid, "/oom_score_adj"), "-500"));
//   UniqueFd network = TRY(proc->open_link(cat(pid, "/ns/net"), O_RDONLY));
//
// It is a proc of our own, mounted nowhere: what somebody mounted over /proc or over a file in
// it, or put there as a link, is not seen (CVE-2019-16884, CVE-2023-28642, CVE-2025-52881). A
// lookup stays beneath its root and on its mount, and what it finds must be a procfs file.
// Paths are relative ("self/cgroup"). Where we may not mount, the host's /proc is taken, if it is
// the root of a procfs; the lookups are as strict. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace skiff::sys {

class ProcFs {
 public:
  // This process's, made at the first call and kept. A child that closes descriptors may use it
  // as long as it keeps this one. What it shows below "sys" is the caller's namespaces'.
  static Result<const ProcFs*> ours();
  static Result<ProcFs> make();
  int fd() const { return root_.get(); }

  // A file or directory; magic links ("self/exe") are refused.
  Result<UniqueFd> open_at(const std::string& path, int flags) const;
  // What the magic link `path` leads to: anywhere, that is what it is for.
  Result<UniqueFd> open_link(const std::string& path, int flags) const;
  Result<std::string> read(const std::string& path) const;
  // In one write(2), as the kernel wants it.
  Result<> write(const std::string& path, std::string_view text) const;

 private:
  explicit ProcFs(UniqueFd root) : root_(std::move(root)) {}
  UniqueFd root_;
};

}  // namespace skiff::sys
