#include "runtime/default_capabilities.h"

#include <array>
#include <string>

namespace skiff::runtime {

namespace {

// moby daemon/pkg/oci/caps/defaults.go.
constexpr std::array kNames = {
    "CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
    "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
    "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
    "CAP_KILL",    "CAP_AUDIT_WRITE"};

}  // namespace

sys::CapabilityMask default_capabilities() {
  sys::CapabilityMask mask = 0;
  for (const char* name : kNames) {
    mask |= sys::CapabilityMask{1} << static_cast<unsigned>(sys::capability_number(name));
  }
  return mask;
}

}  // namespace skiff::runtime
