// "linux.seccomp" compiled to a BPF program, and put on the calling process.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "codec/json.h"

namespace skiff::runtime {

struct SeccompFilter {
  std::vector<sock_filter> program;  // empty: no filter
  unsigned flags = 0;                // SECCOMP_FILTER_FLAG_*

  bool notifies() const { return (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0; }
};

// Names of system calls that neither libseccomp nor this runtime knows are passed over, as
// runc does. System calls newer than every name of the profile's answer ENOSYS where the
// default is an errno, so that a C library falls back to what the profile knows.
Result<SeccompFilter> compile_seccomp(const json::Value& seccomp);

// Of the library that compiles them: "2.5.4".
std::string libseccomp_version();

// All that decides what compile_seccomp() makes of it: the profile, this architecture and this
// libseccomp; not who listens.
std::string seccomp_identity(const json::Value& seccomp);

// Needs CAP_SYS_ADMIN or no_new_privs. The listener (close-on-exec) of a filter that notifies,
// else nothing.
Result<UniqueFd> load_seccomp(const SeccompFilter& filter);

}  // namespace skiff::runtime
