#include "doctor/machine_checks.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>

#include "base/strings.h"
#include "snapshot/snapshotter.h"
#include "sys/cgroup.h"
#include "sys/process.h"

namespace skiff::doctor {

namespace {

bool exists(const Path& path) { return ::access(path.c_str(), F_OK) == 0; }

void check_namespaces(Findings& findings) {
  std::string absent;
  for (const char* kind : {"mnt", "pid", "net", "uts", "ipc", "user"}) {
    if (!exists(cat("/proc/self/ns/", kind))) absent += cat(" ", kind);
  }
  findings.push_back(absent.empty()
                         ? ok("namespaces", "mnt pid net uts ipc user")
                         : missing("namespaces", cat("the kernel has none of kind", absent),
                                   "sudo apt-get install linux-image-amd64 && sudo reboot"));
}

void check_overlay(Findings& findings) {
  const Result<std::string> known = read_file("/proc/filesystems");
  findings.push_back(
      known && known->find("\toverlay\n") != std::string::npos
          ? ok("overlayfs", "the kernel has it")
          : missing("overlayfs", "the kernel has not loaded it", "sudo modprobe overlay"));
}

void check_seccomp(Findings& findings) {
  findings.push_back(exists("/proc/sys/kernel/seccomp/actions_avail")
                         ? ok("seccomp", "the kernel filters system calls")
                         : missing("seccomp", "the kernel filters no system calls",
                                   "sudo apt-get install linux-image-amd64 && sudo reboot"));
}

void check_program(Findings& findings, std::string_view name, std::string_view package, bool needed,
                   std::string_view without) {
  if (const Path found = find_program(name); !found.empty()) {
    findings.push_back(ok(std::string(name), found.native()));
    return;
  }
  findings.push_back({std::string(name), needed ? State::kMissing : State::kLacking,
                      cat("not installed: ", without), cat("sudo apt-get install ", package)});
}

// Where the kernel has it, what is lacking may be the right to mount it.
std::string supplies_erofs(bool rootless) {
  const Result<std::string> known = read_file("/proc/filesystems");
  if (!known || known->find("\terofs\n") == std::string::npos) return "sudo modprobe erofs";
  return rootless ? "sudo skiffd" : "";
}

}  // namespace

Path find_program(std::string_view name) {
  const char* path = ::getenv("PATH");
  for (const std::string& directory :
       split(cat(path == nullptr ? "" : path, ":/usr/sbin:/usr/bin:/sbin:/bin"), ':')) {
    if (directory.empty()) continue;
    if (const Path file = Path(directory) / name; ::access(file.c_str(), X_OK) == 0) return file;
  }
  return {};
}

void check_kernel(Findings& findings) {
  utsname kernel{};
  ::uname(&kernel);
  findings.push_back(ok("kernel", cat("Linux ", static_cast<const char*>(kernel.release))));
  check_namespaces(findings);
  check_overlay(findings);
  check_seccomp(findings);
}

void check_cgroups(Findings& findings) {
  constexpr const char* kMount = "sudo mount -t cgroup2 none /sys/fs/cgroup";
  const auto hierarchies = sys::cgroup_hierarchies();
  if (!hierarchies) {
    findings.push_back(missing("cgroups", hierarchies.error().message(), kMount));
    return;
  }
  const bool unified = hierarchies->size() == 1 && hierarchies->front().unified;
  std::vector<std::string> controllers;
  for (const sys::CgroupHierarchy& h : *hierarchies) {
    controllers.insert(controllers.end(), h.controllers.begin(), h.controllers.end());
  }
  std::string without;
  for (const char* wanted : {"cpu", "memory", "pids"}) {
    if (std::find(controllers.begin(), controllers.end(), wanted) == controllers.end()) {
      without += cat(" ", wanted);
    }
  }
  const std::string version = unified ? "version 2" : "version 1";
  findings.push_back(without.empty()
                         ? ok("cgroups", cat(version, ": ", join(controllers, " ")))
                         : lacking("cgroups", cat(version, ", without limits of", without),
                                   "add cgroup_enable=memory to the kernel's command line"));
}

void check_programs(Findings& findings) {
  check_program(findings, "nft", "nftables", true, "networks and published ports need it");
  check_program(findings, "qemu-aarch64-static", "qemu-user-static", false,
                "images of other processors do not run");
  constexpr const char* kAuthorities = "/etc/ssl/certs/ca-certificates.crt";
  findings.push_back(exists(kAuthorities) ? ok("certificates", kAuthorities)
                                          : lacking("certificates", "registries cannot be verified",
                                                    "sudo apt-get install ca-certificates"));
  findings.push_back(exists("/proc/sys/fs/binfmt_misc")
                         ? ok("binfmt_misc", "the kernel has it")
                         : lacking("binfmt_misc", "images of other processors do not run",
                                   "sudo modprobe binfmt_misc"));
}

void check_storage(const Path& directory, bool rootless, Findings& findings) {
  const snapshot::BackendChoice choice = snapshot::choose_backend(directory);
  findings.push_back(choice.why_no_upper.empty()
                         ? ok("container roots", cat("overlayfs works in ", directory.native()))
                         : missing("container roots", choice.why_no_upper,
                                   "skiffd --root a directory on ext4, xfs or btrfs"));
  findings.push_back(
      choice.why_not_erofs.empty()
          ? ok("layers", "kept as their tar, mounted through an EROFS index")
          : lacking("layers", cat("unpacked: ", choice.why_not_erofs), supplies_erofs(rootless)));
}

void check_packet_rules(Findings& findings) {
  if (find_program("nft").empty()) return;  // told already
  const auto listed = sys::run_captured({.args = {"nft", "list", "tables"}});
  const bool works = listed && listed->code == 0;
  findings.push_back(
      works ? ok("packet rules", "the kernel has nf_tables")
            : missing("packet rules",
                      listed ? std::string(trim(listed->err)) : listed.error().message(),
                      "sudo modprobe nf_tables"));
}

}  // namespace skiff::doctor
