#include "sys/namespaces.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <iterator>

#include "base/file.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "sys/procfs.h"

namespace skiff::sys {

namespace {

constexpr NamespaceKind kKinds[] = {
    {"user", "user", CLONE_NEWUSER},  {"cgroup", "cgroup", CLONE_NEWCGROUP},
    {"ipc", "ipc", CLONE_NEWIPC},     {"uts", "uts", CLONE_NEWUTS},
    {"network", "net", CLONE_NEWNET}, {"pid", "pid", CLONE_NEWPID},
    {"mount", "mnt", CLONE_NEWNS},    {"time", "time", CLONE_NEWTIME},
};

// In stat_fields(): the third and the 22nd of proc(5).
constexpr size_t kState = 0;
constexpr size_t kStartTime = 19;

// Of /proc/PID/stat, what follows the program's name in parentheses, which may hold anything.
Result<std::vector<std::string>> stat_fields(pid_t pid) {
  std::string text = TRY(TRY(ProcFs::ours())->read(cat(pid, "/stat")));
  size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) {
    return Error(Code::kInternal, cat("the stat of process ", pid, " has an unknown form"));
  }
  std::vector<std::string> fields = split(trim(text.substr(name_end + 1)), ' ');
  if (fields.size() <= kStartTime) {
    return Error(Code::kInternal, cat("the stat of process ", pid, " is too short"));
  }
  return fields;
}

}  // namespace

const NamespaceKind* begin_namespaces() { return std::begin(kKinds); }
const NamespaceKind* end_namespaces() { return std::end(kKinds); }

const NamespaceKind* find_namespace(std::string_view oci_name) {
  const NamespaceKind* found =
      std::find_if(begin_namespaces(), end_namespaces(),
                   [&](const NamespaceKind& kind) { return kind.oci_name == oci_name; });
  return found == end_namespaces() ? nullptr : found;
}

Result<UniqueFd> open_namespace(const std::string& path, const NamespaceKind& kind) {
  UniqueFd fd = TRY_CONTEXT(open_file(path, O_RDONLY), cat(kind.oci_name, " namespace"));
  int type = ::ioctl(fd.get(), NS_GET_NSTYPE);
  if (type < 0 || static_cast<uint64_t>(type) != kind.flag) {
    return Error(Code::kInvalidArgument, cat(path, " is no ", kind.oci_name, " namespace"));
  }
  return fd;
}

Result<UniqueFd> namespace_of(std::string_view process, const NamespaceKind& kind) {
  const ProcFs* proc = TRY(ProcFs::ours());
  return proc->open_link(cat(process, "/ns/", kind.file), O_RDONLY);
}

bool in_user_namespace() {
  // The first one's map is "0 0 4294967295" and cannot be another.
  static const bool inside = [] {
    Result<const ProcFs*> proc = ProcFs::ours();
    Result<std::string> map = proc ? (*proc)->read("self/uid_map") : proc.error();
    if (!map) return false;
    std::vector<std::string> fields = split(trim(*map), ' ');
    std::erase(fields, "");
    return fields != std::vector<std::string>{"0", "0", "4294967295"};
  }();
  return inside;
}

bool is_machine_root() { return ::geteuid() == 0 && !in_user_namespace(); }

bool same_namespace(int first, int second) {
  struct stat one{};
  struct stat other{};
  return ::fstat(first, &one) == 0 && ::fstat(second, &other) == 0 && one.st_ino == other.st_ino &&
         one.st_dev == other.st_dev;
}

Result<Child> clone_process(const CloneOptions& options, const std::function<int()>& body) {
  int pidfd = -1;
  clone_args args{};
  args.flags = options.flags | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  // A sibling's signal is the caller's own.
  args.exit_signal = options.sibling ? 0 : SIGCHLD;
  if (options.sibling) args.flags |= CLONE_PARENT;
  if (options.cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(options.cgroup);
  }
  long pid = ::syscall(SYS_clone3, &args, sizeof args);
  // Seccomp profiles hide clone3, which they cannot look into.
  const uint64_t oldest = CLONE_PIDFD;
  if (pid < 0 && errno == ENOSYS && args.flags == oldest) {
    pid = ::syscall(SYS_clone, oldest | SIGCHLD, nullptr, &pidfd, nullptr, nullptr);
  }
  if (pid == 0) ::_exit(body());
  if (pid < 0) return Error::from_errno(errno, "clone a process");
  return Child{static_cast<pid_t>(pid), UniqueFd(pidfd)};
}

Result<UniqueFd> open_pidfd(pid_t pid) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd) return Error::from_errno(errno, cat("open process ", pid));
  return fd;
}

Result<std::vector<pid_t>> processes_beside(pid_t init) {
  const NamespaceKind& kind = *find_namespace("pid");
  const UniqueFd theirs = TRY(namespace_of(cat(init), kind));
  const UniqueFd ours = TRY(namespace_of("self", kind));
  if (same_namespace(theirs.get(), ours.get())) return std::vector<pid_t>{init};
  UniqueFd proc = TRY(TRY(ProcFs::ours())->open_at(".", O_RDONLY | O_DIRECTORY));
  DIR* listing = ::fdopendir(proc.get());
  if (listing == nullptr) return Error::from_errno(errno, "list the processes");
  proc.release();
  ScopeExit close([&] { ::closedir(listing); });
  std::vector<pid_t> found;
  while (const dirent* entry = ::readdir(listing)) {
    const std::string name(static_cast<const char*>(entry->d_name));
    const auto pid = parse_int(name);
    if (!pid) continue;
    const Result<UniqueFd> its = namespace_of(name, kind);
    if (its && same_namespace(its->get(), theirs.get())) found.push_back(static_cast<pid_t>(*pid));
  }
  return found;
}

Result<UniqueFd> copy_descriptor(const UniqueFd& pidfd, int number) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd.get(), number, 0)));
  if (!fd) return Error::from_errno(errno, cat("copy descriptor ", number, " of a process"));
  return fd;
}

Result<uint64_t> process_start_time(pid_t pid) {
  std::optional<uint64_t> ticks = parse_uint(TRY(stat_fields(pid))[kStartTime]);
  if (!ticks) return Error(Code::kInternal, cat("the stat of process ", pid, " has no start time"));
  return *ticks;
}

bool process_alive(pid_t pid, uint64_t start_time) {
  if (pid <= 0) return false;
  const auto fields = stat_fields(pid);
  if (!fields || (*fields)[kState] == "Z" || (*fields)[kState] == "X") return false;
  return parse_uint((*fields)[kStartTime]) == start_time;
}

}  // namespace skiff::sys
