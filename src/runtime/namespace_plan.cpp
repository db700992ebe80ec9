#include "runtime/namespace_plan.h"

#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/io.h"
#include "base/strings.h"
#include "runtime/channel.h"
#include "runtime/process_birth.h"
#include "sys/process.h"
#include "sys/procfs.h"
#include "sys/user_namespace.h"

namespace skiff::runtime {

namespace {

constexpr size_t kMaxHelperText = 4096;

Result<> join_namespace(int fd, const sys::NamespaceKind& kind) {
  if (::setns(fd, static_cast<int>(kind.flag)) != 0) {
    return Error::from_errno(errno, cat("join the ", kind.oci_name, " namespace"));
  }
  return {};
}

// True when it is the caller's own namespace: joining a user namespace one is in fails.
bool is_own(int fd, const sys::NamespaceKind& kind) {
  Result<UniqueFd> own = sys::namespace_of("self", kind);
  return own && sys::same_namespace(fd, own->get());
}

Result<UniqueFd> copy_of(int fd) {
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy) return Error::from_errno(errno, "copy a namespace's descriptor");
  return copy;
}

std::string offsets_text(const std::vector<OciTimeOffset>& offsets) {
  std::string text;
  for (const OciTimeOffset& o : offsets) {
    text += cat(o.clock, " ", o.seconds, " ", o.nanoseconds, "\n");
  }
  return text;
}

Result<> return_to(const UniqueFd& own, uint64_t flag, std::string_view what) {
  if (::setns(own.get(), static_cast<int>(flag)) == 0) return {};
  return Error::from_errno(errno, cat("return to our own ", what, " namespace"));
}

Result<> bring_up_loopback() {
  UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return Error::from_errno(errno, "bring up the loopback interface");
  ifreq request{};
  std::memcpy(static_cast<char*>(request.ifr_name), "lo", 3);
  request.ifr_flags = IFF_UP;
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) {
    return Error::from_errno(errno, "bring up the loopback interface");
  }
  return {};
}

// All ids of the new user namespace are its root's to take.
Result<> become_root(bool keeps_groups) {
  if (!keeps_groups && ::setgroups(0, nullptr) != 0 && errno != EPERM) {
    return Error::from_errno(errno, "setgroups");
  }
  if (::setresgid(0, 0, 0) != 0) return Error::from_errno(errno, "become group 0");
  if (::setresuid(0, 0, 0) != 0) return Error::from_errno(errno, "become user 0");
  return {};
}

// Where processes of ours are born can be set back only by who has a privilege over our own
// namespaces: not by an ordinary user.
bool may_come_back() {
  Result<UniqueFd> own = sys::namespace_of("self", *sys::find_namespace("pid"));
  return own && ::setns(own->get(), CLONE_NEWPID) == 0;
}

Result<> enter_pid_namespace(const UniqueFd& pid_namespace) {
  if (::setns(pid_namespace.get(), CLONE_NEWPID) == 0) return {};
  return Error::from_errno(errno, "join the pid namespace");
}

Result<> enter_user_namespace_of(int resident) {
  become_undumpable();
  if (::setns(resident, CLONE_NEWUSER) == 0) return {};
  return Error::from_errno(errno, "join the user namespace");
}

Result<> make_time_namespace(const std::string& offsets) {
  const sys::ProcFs* proc = TRY(sys::ProcFs::ours());
  if (::unshare(CLONE_NEWTIME) != 0) return Error::from_errno(errno, "make a time namespace");
  return proc->write("self/timens_offsets", offsets).context("linux.timeOffsets");
}

Result<> with_pid_namespace(const UniqueFd& pid_namespace,
                            const std::function<Result<>()>& action) {
  UniqueFd own = TRY(TRY(sys::ProcFs::ours())->open_link("self/ns/pid", O_RDONLY));
  TRY(enter_pid_namespace(pid_namespace));
  Result<> done = action();
  TRY(return_to(own, CLONE_NEWPID, "pid"));
  return done;
}

// With children born into a new time namespace with these offsets.
Result<> with_time_namespace(const std::string& offsets, const std::function<Result<>()>& action) {
  UniqueFd own = TRY(TRY(sys::ProcFs::ours())->open_link("self/ns/time", O_RDONLY));
  Result<> done = make_time_namespace(offsets);
  if (done) done = action();
  TRY(return_to(own, CLONE_NEWTIME, "time"));
  return done;
}

// A helper does what cannot be undone, makes the process as a child of ours, and is gone.
Result<sys::Child> clone_by_helper(const sys::CloneOptions& options,
                                   const std::function<Result<>()>& prepare,
                                   const std::function<int()>& body) {
  sys::Pipe pipe = TRY(sys::make_pipe());
  auto make = [&]() -> Result<std::string> {
    TRY(prepare());
    sys::Child made = TRY(sys::clone_process({.flags = options.flags, .sibling = true}, body));
    return cat(made.pid);
  };
  sys::Child helper = TRY(sys::clone_process({.cgroup = options.cgroup}, [&] {
    Result<std::string> pid = make();
    FdSink sink(pipe.write.get());
    return sink.write(pid ? *pid : encode_error(pid.error())) && pid ? 0 : 1;
  }));
  pipe.write.reset();
  FdSource source(pipe.read.get());
  Result<std::string> heard = read_all(source, kMaxHelperText);
  int status = 0;
  while (::waitpid(helper.pid, &status, 0) < 0 && errno == EINTR) continue;
  if (!heard) return heard.error();
  if (sys::exit_code_of(status) != 0) return decode_error(*heard);
  sys::Child child{static_cast<pid_t>(parse_int(*heard).value_or(0)), UniqueFd()};
  child.pidfd = TRY(sys::open_pidfd(child.pid));
  return child;
}

}  // namespace

Result<NamespacePlan> NamespacePlan::make(const OciConfig& config, int spare_network) {
  NamespacePlan plan;
  const bool may_take = spare_network >= 0 && config.find_namespace(CLONE_NEWUSER) == nullptr;
  uint64_t fresh = 0;
  for (const sys::NamespaceKind* kind = sys::begin_namespaces(); kind != sys::end_namespaces();
       ++kind) {
    const OciNamespace* wanted = config.find_namespace(kind->flag);
    if (wanted == nullptr) continue;
    if (wanted->path.empty() && may_take && kind->flag == CLONE_NEWNET) {
      plan.joined_.push_back({kind, TRY(copy_of(spare_network))});
      continue;
    }
    if (wanted->path.empty()) {
      fresh |= kind->flag;
      continue;
    }
    UniqueFd fd = TRY(sys::open_namespace(wanted->path, *kind));
    if (is_own(fd.get(), *kind)) continue;
    if (kind->flag == CLONE_NEWPID) {
      plan.joined_pid_ = std::move(fd);
    } else {
      plan.joined_.push_back({kind, std::move(fd)});
    }
  }
  plan.time_offsets_ = offsets_text(config.time_offsets);
  if (!plan.time_offsets_.empty()) fresh &= ~uint64_t{CLONE_NEWTIME};
  bool joins_user = !plan.joined_.empty() && plan.joined_.front().kind->flag == CLONE_NEWUSER;
  // A cgroup namespace shows what the process is in when it is made; what belongs to a joined user
  // namespace is made inside it; and message queues belong to who makes their namespace, which in a
  // new user namespace is to be its root. Two kinds one must be born into.
  const uint64_t by_birth = CLONE_NEWPID | CLONE_NEWTIME;
  const uint64_t by_root = (fresh & CLONE_NEWUSER) != 0 ? CLONE_NEWIPC : 0;
  plan.unshare_flags_ = joins_user ? fresh & ~by_birth : fresh & (CLONE_NEWCGROUP | by_root);
  plan.clone_flags_ = fresh & ~plan.unshare_flags_;
  plan.keeps_groups_ = config.process && config.process->keeps_groups;
  plan.born_inside_user_ = joins_user && plan.clone_flags_ != 0;
  return plan;
}

Result<sys::Child> NamespacePlan::clone(int cgroup, const std::function<int()>& body) const {
  const bool changes_ours = joined_pid_ || !time_offsets_.empty();
  if (born_inside_user_ || (changes_ours && !may_come_back())) {
    auto prepare = [&]() -> Result<> {
      if (!time_offsets_.empty()) TRY(make_time_namespace(time_offsets_));
      if (joined_pid_) TRY(enter_pid_namespace(joined_pid_));
      return born_inside_user_ ? enter_user_namespace() : Result<>();
    };
    return clone_by_helper({.flags = clone_flags_, .cgroup = cgroup}, prepare, body);
  }
  sys::Child child;
  std::function<Result<>()> act = [&]() -> Result<> {
    child = TRY(sys::clone_process({.flags = clone_flags_, .cgroup = cgroup}, body));
    return {};
  };
  if (joined_pid_) act = [&, act] { return with_pid_namespace(joined_pid_, act); };
  if (!time_offsets_.empty()) act = [&, act] { return with_time_namespace(time_offsets_, act); };
  TRY(act());
  return child;
}

Result<> NamespacePlan::enter_user_namespace() const {
  const Joined& user = joined_.front();
  become_undumpable();
  TRY(join_namespace(user.fd.get(), *user.kind));
  return become_root(keeps_groups_);
}

Result<> NamespacePlan::map_ids(const OciConfig& config, pid_t pid) const {
  if (!new_user()) return {};
  if (::geteuid() != 0) {
    TRY_CONTEXT(sys::map_as_ordinary_user("gid", pid, ::getegid(), config.gid_mappings),
                "linux.gidMappings");
    TRY_CONTEXT(sys::map_as_ordinary_user("uid", pid, ::geteuid(), config.uid_mappings),
                "linux.uidMappings");
    return {};
  }
  const sys::ProcFs* proc = TRY(sys::ProcFs::ours());
  TRY_CONTEXT(proc->write(cat(pid, "/gid_map"), sys::mapping_text(config.gid_mappings)),
              "linux.gidMappings");
  TRY_CONTEXT(proc->write(cat(pid, "/uid_map"), sys::mapping_text(config.uid_mappings)),
              "linux.uidMappings");
  return {};
}

Result<> NamespacePlan::enter() const {
  bool joins_user = !joined_.empty() && joined_.front().kind->flag == CLONE_NEWUSER;
  std::vector<const Joined*> left;
  for (const Joined& joined : joined_) {
    bool user = joined.kind->flag == CLONE_NEWUSER;
    if (user && born_inside_user_) continue;
    // What belongs to a user namespace further out is to be joined before the one within, what
    // only that one permits after it.
    bool early = joins_user && !user && !born_inside_user_;
    if (!early || !join_namespace(joined.fd.get(), *joined.kind)) left.push_back(&joined);
  }
  for (const Joined* joined : left) TRY(join_namespace(joined->fd.get(), *joined->kind));
  if (new_user() || joins_user) TRY(become_root(keeps_groups_));
  if (unshare_flags_ != 0 && ::unshare(static_cast<int>(unshare_flags_)) != 0) {
    return Error::from_errno(errno, "make new namespaces");
  }
  if (((clone_flags_ | unshare_flags_) & CLONE_NEWNET) != 0) TRY(bring_up_loopback());
  return {};
}

std::vector<int> NamespacePlan::descriptors() const {
  std::vector<int> fds;
  for (const Joined& joined : joined_) fds.push_back(joined.fd.get());
  return fds;
}

Result<UniqueFd> make_spare_network() {
  const sys::NamespaceKind& kind = *sys::find_namespace("network");
  UniqueFd own = TRY(sys::namespace_of("self", kind));
  if (::unshare(CLONE_NEWNET) != 0) return Error::from_errno(errno, "make a network namespace");
  Result<UniqueFd> made = sys::namespace_of("self", kind);
  Result<> up = bring_up_loopback();
  TRY(return_to(own, CLONE_NEWNET, "network"));
  TRY(up);
  return made;
}

Result<sys::Child> clone_into_pid_namespace(const UniqueFd& pid_namespace, int resident, int cgroup,
                                            const std::function<int()>& body) {
  if (resident >= 0 || !may_come_back()) {
    auto prepare = [&]() -> Result<> {
      if (resident >= 0) TRY(enter_user_namespace_of(resident));
      return enter_pid_namespace(pid_namespace);
    };
    return clone_by_helper({.cgroup = cgroup}, prepare, body);
  }
  sys::Child child;
  TRY(with_pid_namespace(pid_namespace, [&]() -> Result<> {
    child = TRY(sys::clone_process({.cgroup = cgroup}, body));
    return {};
  }));
  return child;
}

}  // namespace skiff::runtime
