#include "runtime/process_setup.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <system_error>

#include "base/strings.h"
#include "runtime/container_spec.h"
#include "runtime/diagnostics.h"
#include "sys/procfs.h"

namespace skiff::runtime {

namespace {

constexpr std::string_view kExecFailed = "exec ";
constexpr sys::CapabilityMask kSysAdmin = sys::CapabilityMask{1} << CAP_SYS_ADMIN;

Result<> set_rlimit(const OciRlimit& wanted, std::vector<std::string>& warnings) {
  auto resource = static_cast<__rlimit_resource_t>(wanted.resource);
  rlimit limit{wanted.soft, wanted.hard};
  if (::setrlimit(resource, &limit) == 0) return {};
  if (errno != EPERM) return Error::from_errno(errno, cat("set ", wanted.name));
  rlimit present{};
  if (::getrlimit(resource, &present) != 0) return Error::from_errno(errno, wanted.name);
  limit = {std::min<rlim_t>(wanted.soft, present.rlim_max),
           std::min<rlim_t>(wanted.hard, present.rlim_max)};
  if (::setrlimit(resource, &limit) != 0) {
    return Error::from_errno(errno, cat("set ", wanted.name));
  }
  warnings.push_back(cat(wanted.name, " cannot be raised above ", present.rlim_max));
  return {};
}

Result<> set_ids(const OciProcess& process) {
  // The system calls themselves: one thread, and no signalling of others.
  const auto& gids = process.additional_gids;
  if (!process.keeps_groups && ::syscall(SYS_setgroups, gids.size(), gids.data()) != 0 &&
      !(errno == EPERM && gids.empty())) {
    return Error::from_errno(errno, "setgroups");
  }
  if (::syscall(SYS_setresgid, process.gid, process.gid, process.gid) != 0) {
    return Error::from_errno(errno, cat("become group ", process.gid));
  }
  if (::syscall(SYS_setresuid, process.uid, process.uid, process.uid) != 0) {
    return Error::from_errno(errno, cat("become user ", process.uid));
  }
  return {};
}

// What we may not give is left out and told.
sys::CapabilitySets possible(const sys::CapabilitySets& wanted, sys::CapabilityMask have,
                             std::vector<std::string>* warnings) {
  sys::CapabilityMask all = wanted.bounding | wanted.permitted;
  if (warnings != nullptr && (all & ~have) != 0) {
    warnings->push_back(cat("capabilities that we do not have ourselves: ",
                            join(sys::names_of(all & ~have), ", ")));
  }
  sys::CapabilityMask can_be_ambient = wanted.inheritable & wanted.permitted;
  if (warnings != nullptr && (wanted.ambient & ~can_be_ambient) != 0) {
    for (const auto& name : sys::names_of(wanted.ambient & ~can_be_ambient)) {
      warnings->push_back(cat("can't raise ambient capability ", name,
                              ": it is not both permitted and inheritable"));
    }
  }
  return {.bounding = wanted.bounding & have,
          .effective = wanted.effective & wanted.permitted & have,
          .inheritable = wanted.inheritable & wanted.bounding & have,
          .permitted = wanted.permitted & have,
          .ambient = wanted.ambient & wanted.inheritable & wanted.permitted & have};
}

// The agent must have the listener before a call of ours waits for its answer. The descriptor
// stays open until the execve: to close it might be such a call.
Result<> install_filter(const SeccompFilter& filter, SeccompListener& agent) {
  UniqueFd listener = TRY(load_seccomp(filter));
  TRY(agent.hand_over(listener));
  [[maybe_unused]] int kept = listener.release();
  return {};
}

Error not_executable(const std::string& name, std::string_view why, Code code) {
  return {code, cat("exec: ", quoted(name), ": ", why)};
}

std::string go_error(int err) {
  // Docker's clients look for the system's words in lower case.
  return to_lower(std::generic_category().message(err));
}

// 0, or the errno of why `path` cannot be executed.
int check_executable(const std::string& path) {
  struct stat st{};
  if (::stat(path.c_str(), &st) != 0) return errno;
  if (S_ISDIR(st.st_mode)) return EISDIR;
  if (::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) != 0) return errno;
  return (st.st_mode & 0111U) == 0 ? EACCES : 0;
}

Result<std::string> check_path(const std::string& name) {
  switch (int err = check_executable(name)) {
    case 0:
      return name;
    case EISDIR:
      return not_executable(name, "is a directory", Code::kPermissionDenied);
    case EACCES:
    case EPERM:
      return not_executable(name, "permission denied", Code::kPermissionDenied);
    default:
      return Error(Code::kNotFound,
                   cat("exec: ", quoted(name), ": stat ", name, ": ", go_error(err)));
  }
}

std::string_view value_of(const std::vector<std::string>& env, std::string_view name) {
  // Of equal names the last counts, as in Go.
  std::string_view found;
  for (const std::string& variable : env) {
    auto pair = split_once(variable, '=');
    if (pair && pair->first == name) found = pair->second;
  }
  return found;
}

// As runc: where a variable is there twice, the last one counts.
std::vector<std::string> last_of_each(const std::vector<std::string>& variables) {
  std::set<std::string_view> names;
  std::vector<std::string> kept;
  for (auto variable = variables.rbegin(); variable != variables.rend(); ++variable) {
    std::string_view name = std::string_view(*variable).substr(0, variable->find('='));
    if (names.insert(name).second) kept.push_back(*variable);
  }
  std::reverse(kept.begin(), kept.end());
  return kept;
}

Result<> enter_working_directory(const OciProcess& process) {
  auto failed = [&](std::string_view why, Code code) {
    return Error(code,
                 cat("chdir to cwd (", quoted(process.cwd), ") set in config.json failed: ", why));
  };
  if (::chdir(process.cwd.c_str()) != 0) {
    int err = errno;
    return failed(go_error(err), Error::from_errno(err, "").code());
  }
  // A directory outside the root, reached through a descriptor left open (CVE-2024-21626).
  std::string where(4096, '\0');
  if (::syscall(SYS_getcwd, where.data(), where.size()) < 0 || where[0] != '/') {
    [[maybe_unused]] int left = ::chdir("/");
    return failed("it is outside the container's root", Code::kPermissionDenied);
  }
  return {};
}

}  // namespace

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& s : strings) pointers.push_back(const_cast<char*>(s.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> environment_of(const OciProcess& process, const Path& rootfs) {
  std::vector<std::string> env = last_of_each(process.env);
  bool has_home = std::any_of(env.begin(), env.end(), [](const std::string& variable) {
    return variable.starts_with("HOME=") && variable.size() > 5;
  });
  if (has_home) return env;
  std::erase(env, "HOME=");
  Result<ResolvedUser> user = resolve_user(rootfs, cat(process.uid));
  env.push_back(cat("HOME=", user ? user->home : "/"));
  return env;
}

void warn_of_capabilities(const OciProcess& process) {
  for (const std::string& name : process.unknown_capabilities) {
    warn(cat("process.capabilities: ", quoted(name), " is unknown to this kernel: not given"));
  }
}

Result<> adjust_oom_score(const OciProcess& process, pid_t pid) {
  if (!process.oom_score_adj) return {};
  const sys::ProcFs* proc = TRY(sys::ProcFs::ours());
  std::string file = cat(pid, "/oom_score_adj");
  std::string wanted = cat(*process.oom_score_adj);
  std::string present = TRY(proc->read(file));
  if (trim(present) == wanted) return {};
  Result<> written = proc->write(file, wanted);
  bool refused =
      !written && (written.error().sys_errno() == EACCES || written.error().sys_errno() == EPERM);
  if (!refused) return written;
  warn(cat("oomScoreAdj ", wanted, " cannot be set"));
  return {};
}

Result<> set_rlimits(const OciProcess& process, std::vector<std::string>& warnings) {
  for (const OciRlimit& limit : process.rlimits) TRY(set_rlimit(limit, warnings));
  return {};
}

void raise_rlimits(const OciProcess& process, pid_t pid) {
  for (const OciRlimit& wanted : process.rlimits) {
    const auto resource = static_cast<__rlimit_resource>(wanted.resource);
    rlimit limit{};
    if (::prlimit(pid, resource, nullptr, &limit) != 0 || limit.rlim_max >= wanted.hard) continue;
    limit.rlim_max = wanted.hard;
    [[maybe_unused]] const int raised = ::prlimit(pid, resource, &limit, nullptr);
  }
}

Result<> take_identity(const OciProcess& process, std::vector<std::string>& warnings) {
  sys::CapabilitySets ours = TRY(sys::current_capabilities());
  sys::CapabilitySets wanted =
      possible(process.capabilities, ours.permitted & ours.bounding, &warnings);
  TRY(sys::limit_bounding_set(wanted.bounding));
  if (process.no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return Error::from_errno(errno, "set no_new_privs");
  }
  // Either we or the user may be the one who is permitted there.
  Result<> entered = enter_working_directory(process);
  if (!entered && entered.error().code() != Code::kPermissionDenied) return entered;
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return Error::from_errno(errno, "keep caps");
  TRY(set_ids(process));
  ::umask(process.umask);
  TRY(sys::set_capabilities({.effective = wanted.effective, .permitted = ours.permitted}));
  return entered ? entered : enter_working_directory(process);
}

Result<std::string> find_program(const OciProcess& process, const std::vector<std::string>& env) {
  const std::string& name = process.args.at(0);
  if (name.find('/') != std::string::npos) return check_path(name);
  for (const std::string& directory : split(value_of(env, "PATH"), ':')) {
    std::string path = cat(directory.empty() ? "." : directory, "/", name);
    if (check_executable(path) == 0) return path;
  }
  return not_executable(name, "executable file not found in $PATH", Code::kNotFound);
}

Result<> finish_privileges(const OciProcess& process, const SeccompFilter& filter,
                           SeccompListener& agent) {
  sys::CapabilitySets ours = TRY(sys::current_capabilities());
  sys::CapabilitySets wanted = possible(process.capabilities, ours.permitted, nullptr);
  // Without no_new_privs only CAP_SYS_ADMIN may load a filter; with it, the filter comes last.
  bool filter_first = !filter.program.empty() && !process.no_new_privileges;
  if (filter_first) {
    TRY(sys::set_capabilities({.effective = kSysAdmin & ours.permitted,
                               .inheritable = ours.inheritable,
                               .permitted = ours.permitted}));
    TRY(install_filter(filter, agent));
  }
  TRY(sys::set_capabilities(wanted));
  if (wanted.ambient != 0) TRY(sys::set_ambient_capabilities(wanted.ambient));
  return filter_first ? Result<>{} : install_filter(filter, agent);
}

Error execute(const std::string& program, const OciProcess& process,
              const std::vector<std::string>& env) {
  std::vector<char*> args = pointers_to(process.args);
  std::vector<char*> variables = pointers_to(env);
  ::execve(program.c_str(), args.data(), variables.data());
  int err = errno;
  return {Error::from_errno(err, "").code(), cat(kExecFailed, program, ": ", go_error(err))};
}

bool is_exec_failure(const Error& error) {
  // Not "exec --cgroup: ...": a program's path has a slash before any dash.
  return error.message().starts_with(kExecFailed) && !error.message().starts_with("exec -");
}

}  // namespace skiff::runtime
