#include "doctor/user_checks.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "base/default_places.h"
#include "base/strings.h"
#include "doctor/machine_checks.h"
#include "rootless/delegation.h"
#include "rootless/own_ids.h"
#include "rootless/uplink.h"
#include "sys/namespaces.h"

namespace skiff::doctor {

namespace {

constexpr uint64_t kUsualIds = 65536;

// A setting of the kernel; "" where it has no such one.
std::string setting(const char* path) {
  const Result<std::string> text = read_file(path);
  return text ? std::string(trim(*text)) : "";
}

// What the child of a user namespace may do shows in it alone.
Result<> make_user_namespace() {
  const auto child =
      TRY(sys::clone_process({.flags = CLONE_NEWUSER | CLONE_NEWNS}, [] { return 0; }));
  while (::waitpid(child.pid, nullptr, 0) < 0 && errno == EINTR) continue;
  return {};
}

uint64_t count_of(const std::vector<sys::IdRange>& ranges) {
  uint64_t sum = 0;
  for (const sys::IdRange& range : ranges) sum += range.count;
  return sum;
}

void check_ids(Findings& findings, const char* file, const std::string& user,
               const std::vector<sys::IdRange>& ranges) {
  const std::string name = cat("ids in ", file);
  const uint64_t count = count_of(ranges);
  const std::string command = rootless::grant_command(user);
  if (count == 0) {
    findings.push_back(missing(name, cat("user ", user, " was granted none"), command));
  } else if (count < kUsualIds) {
    findings.push_back(
        lacking(name, cat(count, " for ", user, ": images with higher ids fail"), command));
  } else {
    findings.push_back(ok(name, cat(count, " for ", user)));
  }
}

bool may_set_ids(const Path& program) {
  struct stat st{};
  if (::stat(program.c_str(), &st) != 0) return false;
  const bool set_uid = (st.st_mode & S_ISUID) != 0 && st.st_uid == 0;
  return set_uid || ::getxattr(program.c_str(), "security.capability", nullptr, 0) > 0;
}

// For the files of a daemon of this user's.
std::string why_unusable(const Path& directory) {
  struct stat st{};
  if (::stat(directory.c_str(), &st) != 0) return "there is no such directory";
  if (!S_ISDIR(st.st_mode)) return "it is no directory";
  return ::access(directory.c_str(), W_OK | X_OK) == 0 ? "" : "this user may not write to it";
}

}  // namespace

void check_user_namespaces(Findings& findings) {
  constexpr const char* kName = "user namespaces";
  struct Switch {
    const char* path;
    const char* off;
    const char* command;
  };
  constexpr Switch kSwitches[] = {
      {"/proc/sys/user/max_user_namespaces", "0", "sudo sysctl -w user.max_user_namespaces=28633"},
      {"/proc/sys/kernel/unprivileged_userns_clone", "0",
       "sudo sysctl -w kernel.unprivileged_userns_clone=1"},
      {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
       "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"},
  };
  for (const Switch& s : kSwitches) {
    if (setting(s.path) != s.off) continue;
    findings.push_back(missing(kName, cat(s.path, " is ", s.off), s.command));
    return;
  }
  const Result<> made = make_user_namespace();
  findings.push_back(made ? ok(kName, "this user can make them")
                          : missing(kName, made.error().message(),
                                    "sudo sysctl -w user.max_user_namespaces=28633"));
}

void check_subordinate_ids(Findings& findings) {
  const auto ids = rootless::own_subordinate_ids();
  if (!ids) {
    findings.push_back(missing("subordinate ids", ids.error().message(), ""));
    return;
  }
  check_ids(findings, "/etc/subuid", ids->user, ids->uids);
  check_ids(findings, "/etc/subgid", ids->user, ids->gids);
}

void check_id_programs(Findings& findings) {
  for (const char* name : {"newuidmap", "newgidmap"}) {
    const Path program = find_program(name);
    if (program.empty()) {
      findings.push_back(missing(name, "not installed", "sudo apt-get install uidmap"));
    } else if (!may_set_ids(program)) {
      findings.push_back(missing(name, cat(program.native(), " is not set-user-id"),
                                 cat("sudo chmod u+s ", program.native())));
    } else {
      findings.push_back(ok(name, program.native()));
    }
  }
}

void check_uplink(Findings& findings) {
  if (const auto kind = rootless::find_uplink()) {
    findings.push_back(ok("network", std::string(rootless::program_of(*kind))));
  } else {
    findings.push_back(missing("network", "neither pasta nor slirp4netns is installed",
                               "sudo apt-get install passt"));
  }
  constexpr const char* kTun = "/dev/net/tun";
  if (::access(kTun, F_OK) != 0) {
    findings.push_back(missing(kTun, "the kernel has not loaded it", "sudo modprobe tun"));
  } else if (::access(kTun, R_OK | W_OK) != 0) {
    findings.push_back(missing(kTun, "this user may not open it", "sudo chmod 0666 /dev/net/tun"));
  } else {
    findings.push_back(ok(kTun, "this user may open it"));
  }
}

void check_runtime_directory(Findings& findings) {
  constexpr const char* kName = "runtime directory";
  const std::string linger = cat("sudo loginctl enable-linger ", ::getuid());
  const auto places = default_places();
  if (!places) {
    findings.push_back(missing(kName, places.error().message(), linger));
    return;
  }
  const Path directory = places->run_dir.parent_path();
  const std::string why = why_unusable(directory);
  findings.push_back(
      why.empty() ? ok(kName, directory.native())
                  : missing(kName, cat("XDG_RUNTIME_DIR ", directory.native(), ": ", why),
                            cat(linger, " && export XDG_RUNTIME_DIR=/run/user/", ::getuid())));
}

void check_delegation(Findings& findings) {
  const rootless::Delegation cgroups = rootless::find_delegation();
  if (!cgroups.why_not.empty()) {
    findings.push_back(lacking("cgroups", cat("containers have no limits: ", cgroups.why_not),
                               cgroups.unified ? "systemd-run --user --scope skiffd"
                                               : "add systemd.unified_cgroup_hierarchy=1 to the "
                                                 "kernel's command line"));
    return;
  }
  findings.push_back(ok("cgroups", cat(cgroups.parent, ": ", join(cgroups.controllers, " "))));
}

}  // namespace skiff::doctor
