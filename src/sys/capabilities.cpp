#include "sys/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/strings.h"

namespace skiff::sys {

namespace {

constexpr int kLastNamed = CAP_CHECKPOINT_RESTORE;

bool has(CapabilityMask mask, int number) { return ((mask >> number) & 1U) != 0; }

}  // namespace

const std::vector<std::string>& capability_names() {
  static const std::vector<std::string> names = {"CAP_CHOWN",
                                                 "CAP_DAC_OVERRIDE",
                                                 "CAP_DAC_READ_SEARCH",
                                                 "CAP_FOWNER",
                                                 "CAP_FSETID",
                                                 "CAP_KILL",
                                                 "CAP_SETGID",
                                                 "CAP_SETUID",
                                                 "CAP_SETPCAP",
                                                 "CAP_LINUX_IMMUTABLE",
                                                 "CAP_NET_BIND_SERVICE",
                                                 "CAP_NET_BROADCAST",
                                                 "CAP_NET_ADMIN",
                                                 "CAP_NET_RAW",
                                                 "CAP_IPC_LOCK",
                                                 "CAP_IPC_OWNER",
                                                 "CAP_SYS_MODULE",
                                                 "CAP_SYS_RAWIO",
                                                 "CAP_SYS_CHROOT",
                                                 "CAP_SYS_PTRACE",
                                                 "CAP_SYS_PACCT",
                                                 "CAP_SYS_ADMIN",
                                                 "CAP_SYS_BOOT",
                                                 "CAP_SYS_NICE",
                                                 "CAP_SYS_RESOURCE",
                                                 "CAP_SYS_TIME",
                                                 "CAP_SYS_TTY_CONFIG",
                                                 "CAP_MKNOD",
                                                 "CAP_LEASE",
                                                 "CAP_AUDIT_WRITE",
                                                 "CAP_AUDIT_CONTROL",
                                                 "CAP_SETFCAP",
                                                 "CAP_MAC_OVERRIDE",
                                                 "CAP_MAC_ADMIN",
                                                 "CAP_SYSLOG",
                                                 "CAP_WAKE_ALARM",
                                                 "CAP_BLOCK_SUSPEND",
                                                 "CAP_AUDIT_READ",
                                                 "CAP_PERFMON",
                                                 "CAP_BPF",
                                                 "CAP_CHECKPOINT_RESTORE"};
  return names;
}

int capability_number(std::string_view name) {
  const std::vector<std::string>& names = capability_names();
  auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? -1 : static_cast<int>(found - names.begin());
}

CapabilityMask known_capabilities() {
  static const CapabilityMask known = [] {
    CapabilityMask mask = 0;
    for (int number = 0; number <= kLastNamed; ++number) {
      if (::prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0) mask |= CapabilityMask{1} << number;
    }
    return mask;
  }();
  return known;
}

std::vector<std::string> names_of(CapabilityMask mask) {
  std::vector<std::string> names;
  for (int number = 0; number <= kLastNamed; ++number) {
    if (has(mask, number)) names.push_back(capability_names()[static_cast<size_t>(number)]);
  }
  return names;
}

Result<CapabilitySets> current_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) return Error::from_errno(errno, "capget");
  CapabilitySets sets;
  sets.effective = data[0].effective | (CapabilityMask{data[1].effective} << 32U);
  sets.permitted = data[0].permitted | (CapabilityMask{data[1].permitted} << 32U);
  sets.inheritable = data[0].inheritable | (CapabilityMask{data[1].inheritable} << 32U);
  for (int number = 0; number <= kLastNamed; ++number) {
    CapabilityMask bit = CapabilityMask{1} << number;
    if (::prctl(PR_CAPBSET_READ, number, 0, 0, 0) == 1) sets.bounding |= bit;
    // No other can be ambient.
    if ((sets.permitted & sets.inheritable & bit) == 0) continue;
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, number, 0, 0) == 1) sets.ambient |= bit;
  }
  return sets;
}

Result<> limit_bounding_set(CapabilityMask mask) {
  // Beyond the last name too: a newer kernel's capabilities must not stay.
  for (int number = 0; number < 64; ++number) {
    if (number <= kLastNamed && has(mask, number)) continue;
    if (::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) return {};  // past the kernel's last
    return Error::from_errno(errno, cat("drop capability ", number, " from the bounding set"));
  }
  return {};
}

Result<> set_capabilities(const CapabilitySets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  for (unsigned half = 0; half < 2; ++half) {
    data.at(half).effective = static_cast<uint32_t>(sets.effective >> (32U * half));
    data.at(half).permitted = static_cast<uint32_t>(sets.permitted >> (32U * half));
    data.at(half).inheritable = static_cast<uint32_t>(sets.inheritable >> (32U * half));
  }
  if (::syscall(SYS_capset, &header, data.data()) != 0) return Error::from_errno(errno, "capset");
  return {};
}

Result<> set_ambient_capabilities(CapabilityMask mask) {
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) {
    return Error::from_errno(errno, "clear ambient capabilities");
  }
  for (int number = 0; number <= kLastNamed; ++number) {
    if (has(mask, number) && ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) != 0) {
      return Error::from_errno(errno, cat("raise ambient capability ", number));
    }
  }
  return {};
}

}  // namespace skiff::sys
