#include "runtime/default_apparmor.h"

#include <fnmatch.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/strings.h"

namespace skiff::runtime {
namespace {

// AppArmor's patterns are those of fnmatch(3), but that its "*" stays in a directory and "**" does
// not.
bool matches(const std::string& pattern, const std::string& path) {
  const size_t deep = pattern.find("**");
  const bool whole = deep != std::string::npos;
  std::string plain = whole ? pattern.substr(0, deep) : pattern;
  if (!whole) return ::fnmatch(plain.c_str(), path.c_str(), FNM_PATHNAME) == 0;
  for (size_t end = 0; end <= path.size(); ++end) {
    if (::fnmatch(plain.c_str(), path.substr(0, end).c_str(), FNM_PATHNAME) == 0) return true;
  }
  return false;
}

// What the profile denies of `access` ('w', 'r', ...).
bool denied(const std::string& path, char access) {
  for (const std::string& line : split(default_apparmor_text(), '\n')) {
    const std::vector<std::string> words = split(std::string(trim(line)), ' ');
    if (words.size() != 3 || words[0] != "deny") continue;
    if (words[2].find(access) != std::string::npos && matches(words[1], path)) return true;
  }
  return false;
}

TEST(DefaultApparmor, OfProcWhatIsAProcesssIsWritten) {
  for (const char* path : {"/proc/1/attr/exec", "/proc/123/oom_score_adj", "/proc/9/task/9/comm",
                           "/proc/sys/kernel/shmmax", "/proc/sys/kernel/shm_rmid_forced"}) {
    EXPECT_FALSE(denied(path, 'w')) << path;
  }
  for (const char* path : {"/proc/sysrq-trigger", "/proc/mtrr", "/proc/sys/kernel/core_pattern",
                           "/proc/sys/kernel/sem", "/proc/sys/kernel/sysrq", "/proc/sys/kernel/s",
                           "/proc/sys/kernel/yama/ptrace_scope", "/proc/sys/vm/panic_on_oom",
                           "/proc/sys/fs/binfmt_misc/register", "/proc/sys/net/core/somaxconn",
                           "/proc/sys/kexec", "/proc/acpi/alarm", "/proc/irq/1/smp_affinity",
                           "/proc/scsi/scsi", "/proc/sysvipc/shm", "/proc/fs/nfsd"}) {
    EXPECT_TRUE(denied(path, 'w')) << path;
  }
  for (const char* path : {"/proc/kcore", "/proc/sysrq-trigger", "/proc/kmem", "/proc/mem"}) {
    EXPECT_TRUE(denied(path, 'r')) << path;
  }
  for (const char* path : {"/proc/meminfo", "/proc/sys/kernel/core_pattern", "/proc/1/mem"}) {
    EXPECT_FALSE(denied(path, 'r')) << path;
  }
}

TEST(DefaultApparmor, OfSysTheCgroupsAreWritten) {
  EXPECT_FALSE(denied("/sys/fs/cgroup/cgroup.procs", 'w'));
  EXPECT_FALSE(denied("/sys/fs/cgroup/memory/x/memory.limit_in_bytes", 'w'));
  for (const char* path : {"/sys/power/state", "/sys/fs/cgroups", "/sys/fs/bpf/x", "/sys/f/x",
                           "/sys/kernel/mm/ksm/run", "/sys/firmware/efi/efivars/x"}) {
    EXPECT_TRUE(denied(path, 'w')) << path;
  }
  for (const char* path : {"/sys/firmware/dmi/tables/DMI", "/sys/kernel/security/apparmor/policy",
                           "/sys/devices/virtual/powercap/intel-rapl/energy_uj"}) {
    EXPECT_TRUE(denied(path, 'r')) << path;
  }
  EXPECT_FALSE(denied("/sys/class/net/eth0/address", 'r'));
}

TEST(DefaultApparmor, AllButIsTheComplement) {
  const std::vector<std::string> patterns = all_but("/d/", "ab/c");
  const auto any = [&](const std::string& path) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const std::string& pattern) { return matches(pattern, path); });
  };
  for (const char* path : {"/d/ab/c", "/d/ab/c/x", "/d/ab/cx", "/e/x"})
    EXPECT_FALSE(any(path)) << path;
  for (const char* path :
       {"/d/x", "/d/a", "/d/a/x", "/d/ab", "/d/abc", "/d/ax/y", "/d/ab/d", "/d/x/ab/c"}) {
    EXPECT_TRUE(any(path)) << path;
  }
}

}  // namespace
}  // namespace skiff::runtime
