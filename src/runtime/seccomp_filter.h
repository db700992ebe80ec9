// "linux.seccomp" compiled to a BPF program, and put on the calling process.
#pragma once

#include <linux/filter.h>

#include <string>
#include <vector>

#include "codec/json.h"

namespace skiff::runtime {

struct SeccompFilter {
  std::vector<sock_filter> program;  // empty: no filter
  unsigned flags = 0;                // SECCOMP_FILTER_FLAG_*
};

// Names of system calls that neither libseccomp nor this runtime knows are passed over, as
// runc does. System calls newer than every name of the profile's answer ENOSYS where the
// default is an errno, so that a C library falls back to what the profile knows.
Result<SeccompFilter> compile_seccomp(const json::Value& seccomp);

// All that decides what compile_seccomp() makes of it: the profile, this architecture and this
// libseccomp.
std::string seccomp_identity(const json::Value& seccomp);

// Needs CAP_SYS_ADMIN or no_new_privs.
Result<> load_seccomp(const SeccompFilter& filter);

}  // namespace skiff::runtime
