// AppArmor profiles and SELinux labels of a container's processes and mounts.
//
//   LabelFile file = TRY(LabelFile::open(process));   // while the host's /proc is at hand
//   ...                                               // the namespaces and the root are entered
//   TRY(file.write());                                // the next execve takes the label
#pragma once

#include <string_view>

#include "base/unique_fd.h"
#include "runtime/oci_config.h"

namespace skiff::runtime {

// The name of what is no profile.
inline constexpr std::string_view kUnconfined = "unconfined";

bool apparmor_enabled();
bool selinux_enabled();

// Takes off, with a warning each, what no security module of the kernel would honour
// (docs/decisions/008-labels-without-a-module.md).
void drop_unenforced_labels(OciProcess& process);
void drop_unenforced_labels(OciConfig& config);

class LabelFile {
 public:
  // The calling process's own file; nothing where the process has no label. A container's own
  // /proc may be forged, so it is opened before.
  static Result<LabelFile> open(const OciProcess& process);
  int fd() const { return fd_.get(); }  // -1: none
  Result<> write() const;

 private:
  UniqueFd fd_;
  std::string text_;
  std::string what_;
};

}  // namespace skiff::runtime
