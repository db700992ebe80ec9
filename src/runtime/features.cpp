#include "runtime/features.h"

#include <algorithm>
#include <string>
#include <vector>

#include "runtime/seccomp_filter.h"
#include "runtime/spec_version.h"
#include "sys/capabilities.h"
#include "sys/mounts.h"

namespace skiff::runtime {

namespace {

using Words = std::vector<std::string>;

// With those that are this runtime's own.
Words mount_options() {
  Words words = sys::mount_option_words();
  words.insert(words.end(), {"copy-symlink", "dest-nofollow", "src-nofollow", "tmpcopyup"});
  std::sort(words.begin(), words.end());
  return words;
}

json::Value enabled(bool yes) { return json::object({{"enabled", yes}}); }

json::Value seccomp() {
  Words actions = {"SCMP_ACT_ALLOW",        "SCMP_ACT_ERRNO",       "SCMP_ACT_KILL",
                   "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
                   "SCMP_ACT_NOTIFY",       "SCMP_ACT_TRACE",       "SCMP_ACT_TRAP"};
  Words operators = {"SCMP_CMP_EQ", "SCMP_CMP_GE",        "SCMP_CMP_GT", "SCMP_CMP_LE",
                     "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE"};
  Words archs = {
      "SCMP_ARCH_AARCH64",   "SCMP_ARCH_ARM",      "SCMP_ARCH_MIPS",     "SCMP_ARCH_MIPS64",
      "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL",   "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32",
      "SCMP_ARCH_PARISC",    "SCMP_ARCH_PARISC64", "SCMP_ARCH_PPC",      "SCMP_ARCH_PPC64",
      "SCMP_ARCH_PPC64LE",   "SCMP_ARCH_RISCV64",  "SCMP_ARCH_S390",     "SCMP_ARCH_S390X",
      "SCMP_ARCH_X32",       "SCMP_ARCH_X86",      "SCMP_ARCH_X86_64"};
  Words flags = {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                 "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};
  return json::object({{"enabled", true},
                       {"actions", actions},
                       {"operators", operators},
                       {"archs", archs},
                       {"knownFlags", flags},
                       {"supportedFlags", flags}});
}

json::Value memory_policy() {
  Words modes = {"MPOL_BIND",      "MPOL_DEFAULT",        "MPOL_INTERLEAVE",         "MPOL_LOCAL",
                 "MPOL_PREFERRED", "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE"};
  Words flags = {"MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"};
  return json::object({{"modes", modes}, {"flags", flags}});
}

json::Value linux_features() {
  return json::object(
      {{"namespaces", Words{"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"}},
       {"capabilities", sys::names_of(sys::known_capabilities())},
       {"cgroup", json::object({{"v1", true},
                                {"v2", true},
                                {"systemd", true},
                                {"systemdUser", true},
                                {"rdma", true}})},
       {"seccomp", seccomp()},
       {"apparmor", enabled(true)},
       {"selinux", enabled(true)},
       {"intelRdt", json::object({{"enabled", true}, {"schemata", true}, {"monitoring", true}})},
       {"mountExtensions", json::object({{"idmap", enabled(true)}})},
       {"netDevices", enabled(true)},
       {"memoryPolicy", memory_policy()}});
}

}  // namespace

json::Value runtime_features() {
  return json::object(
      {{"ociVersionMin", "1.0.0"},
       {"ociVersionMax", kSpecVersion},
       {"hooks", Words{"prestart", "createRuntime", "createContainer", "startContainer",
                       "poststart", "poststop"}},
       {"mountOptions", mount_options()},
       {"linux", linux_features()},
       {"potentiallyUnsafeConfigAnnotations",
        Words{"org.criu.config", "org.skiff.emulation", "org.systemd.property.",
              "run.oci.keep_original_groups"}},
       {"annotations", json::object({{"io.github.seccomp.libseccomp.version", libseccomp_version()},
                                     {"org.opencontainers.runc.checkpoint.enabled", "true"},
                                     {"org.skiff.version", SKIFF_VERSION}})}});
}

}  // namespace skiff::runtime
