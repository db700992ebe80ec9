// SeccompCache: compiled filters, so that no container waits for a compiler. Docker's default
// profile is built in; what else is asked for is compiled once and kept as a file.
//
//   SeccompFilter filter = TRY(SeccompCache(run_dir / "seccomp").get(config.seccomp));
//
// A file is named by a hash of the profile and holds seccomp_identity(), a zero, the flags (32
// bits) and the program. One that is of another profile or build is made again; that none can be
// written is no failure.
#pragma once

#include "base/file.h"
#include "runtime/seccomp_filter.h"

namespace skiff::runtime {

class SeccompCache {
 public:
  // Made where it is missing, 0700: what it holds becomes a container's filter. "" keeps nothing.
  explicit SeccompCache(Path directory) : directory_(std::move(directory)) {}

  // compile_seccomp(), or what it has said before.
  Result<SeccompFilter> get(const json::Value& seccomp) const;

 private:
  Path directory_;
};

}  // namespace skiff::runtime
