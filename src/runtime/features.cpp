#include "runtime/features.h"

#include <string>
#include <vector>

#include "sys/capabilities.h"

namespace skiff::runtime {

namespace {

using Names = std::vector<std::string>;

Names mount_options() {
  return {"async",      "atime",   "bind",        "defaults",      "dev",       "diratime",
          "dirsync",    "exec",    "lazytime",    "mand",          "noatime",   "nodev",
          "nodiratime", "noexec",  "norelatime",  "nostrictatime", "nosuid",    "nosymfollow",
          "private",    "rbind",   "rdev",        "relatime",      "rexec",     "rnodev",
          "rnoexec",    "rnosuid", "ro",          "rprivate",      "rro",       "rrw",
          "rshared",    "rslave",  "rsuid",       "runbindable",   "rw",        "shared",
          "silent",     "slave",   "strictatime", "suid",          "symfollow", "sync",
          "unbindable"};
}

json::Value enabled(bool yes) { return json::object({{"enabled", yes}}); }

json::Value seccomp() {
  Names actions = {"SCMP_ACT_ALLOW",        "SCMP_ACT_ERRNO",       "SCMP_ACT_KILL",
                   "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
                   "SCMP_ACT_TRACE",        "SCMP_ACT_TRAP"};
  Names operators = {"SCMP_CMP_EQ", "SCMP_CMP_GE",        "SCMP_CMP_GT", "SCMP_CMP_LE",
                     "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE"};
  Names archs = {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_PPC64LE", "SCMP_ARCH_RISCV64",
                 "SCMP_ARCH_S390X",   "SCMP_ARCH_X32", "SCMP_ARCH_X86",     "SCMP_ARCH_X86_64"};
  Names flags = {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                 "SECCOMP_FILTER_FLAG_TSYNC"};
  return json::object({{"enabled", true},
                       {"actions", actions},
                       {"operators", operators},
                       {"archs", archs},
                       {"knownFlags", flags},
                       {"supportedFlags", flags}});
}

json::Value linux_features() {
  return json::object(
      {{"namespaces", Names{"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"}},
       {"capabilities", sys::names_of(sys::known_capabilities())},
       {"cgroup", json::object({{"v1", true},
                                {"v2", true},
                                {"systemd", false},
                                {"systemdUser", false},
                                {"rdma", true}})},
       {"seccomp", seccomp()},
       {"apparmor", enabled(false)},
       {"selinux", enabled(false)},
       {"intelRdt", enabled(false)},
       {"mountExtensions", json::object({{"idmap", enabled(false)}})}});
}

}  // namespace

json::Value runtime_features() {
  return json::object({{"ociVersionMin", "1.0.0"},
                       {"ociVersionMax", "1.2.0"},
                       {"hooks", Names{"prestart", "createRuntime", "createContainer",
                                       "startContainer", "poststart", "poststop"}},
                       {"mountOptions", mount_options()},
                       {"linux", linux_features()},
                       {"annotations", json::object({{"org.skiff.version", SKIFF_VERSION}})}});
}

}  // namespace skiff::runtime
