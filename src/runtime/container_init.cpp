#include "runtime/container_init.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.h"
#include "runtime/annotations.h"
#include "runtime/descriptors.h"
#include "runtime/diagnostics.h"
#include "runtime/emulation.h"
#include "runtime/hooks.h"
#include "runtime/process_birth.h"
#include "runtime/process_setup.h"
#include "runtime/rootfs.h"
#include "runtime/rootfs_devices.h"
#include "runtime/scheduling.h"
#include "runtime/security_labels.h"
#include "runtime/small_init.h"
#include "runtime/sysctls.h"
#include "runtime/terminal.h"
#include "sys/procfs.h"
#include "sys/unix_socket.h"

namespace skiff::runtime {

namespace {

constexpr int kInitStatus = 1;
// runc's words, which its callers know.
constexpr const char* kInInit = "unable to start container process: error during container init";

Result<> set_names(const OciConfig& config) {
  const std::string& host = config.hostname;
  if (!host.empty() && ::sethostname(host.data(), host.size()) != 0) {
    return Error::from_errno(errno, cat("sethostname ", host));
  }
  const std::string& domain = config.domainname;
  if (!domain.empty() && ::setdomainname(domain.data(), domain.size()) != 0) {
    return Error::from_errno(errno, cat("setdomainname ", domain));
  }
  return {};
}

void end_by(int signal) { ::_exit(128 + signal); }

class Init {
 public:
  Init(InitPlan& plan, const sys::CgroupEntry& cgroup)
      : plan_(plan), config_(plan.config), process_(plan.process), cgroup_(cgroup) {}

  int run() {
    Result<> prepared = prepare();
    if (!prepared) {
      plan_.channel.send_error(prepared.error());
      return kInitStatus;
    }
    if (!plan_.channel.send(Signal::kReady)) return kInitStatus;
    plan_.channel.close();
    Result<Channel> starter = wait_for_start();
    if (!starter) return kInitStatus;
    return start(*starter);
  }

 private:
  // The steps are in runc's words, as far as it has them.
  Result<> prepare() {
    plan_.channel.carry_debug();
    debug("nsexec container setup: born in its namespaces");
    TRY(isolate());
    TRY(join_namespaces());
    debug("child process in init(): in its cgroup, limits and namespaces");
    TRY_CONTEXT(build_root(), kInInit);
    debug(cat("init: in the root file system, with ", config_.mounts.size(), " mounts"));
    TRY(reopen_null());
    TRY(become_user());
    debug(cat("init: user ", process_.uid, ":", process_.gid, ", program ", program_));
    debug("init: closing the pipe to signal completion");
    return {};
  }

  Result<> build_root() {
    if (!plan_.sources.root) {
      plan_.sources = TRY(open_rootfs_sources(config_, plan_.bundle, *plan_.cgroup));
      plan_.sources.root = TRY(open_root(config_));
    }
    Rootfs rootfs = TRY(Rootfs::attach(config_, plan_.sources));
    auto map_ids = [&](size_t mount, int fd) { return have_mapped(mount, fd); };
    TRY(rootfs.populate(map_ids, warnings_));
    TRY(register_emulation(config_, rootfs.dir()));
    TRY(set_sysctls(config_.sysctls));
    UniqueFd slave = TRY(prepare_terminal(rootfs));
    TRY(run_mount_hooks(rootfs));
    TRY(rootfs.protect());
    TRY(rootfs.enter(plan_.options.no_pivot));
    return slave ? use_terminal(slave.get()) : Result<>{};
  }

  Result<> have_mapped(size_t mount, int fd) const {
    TRY(plan_.channel.send(Signal::kCloned, cat(mount, " ", fd)));
    TRY(plan_.channel.expect(Signal::kGo, "the creator"));
    return {};
  }

  // First of all: nothing of the creator's that is not meant for the container stays.
  Result<> isolate() {
    // To an ordinary creator the files in /proc that map our ids are open only before.
    if (::geteuid() == 0) become_undumpable();
    reset_signals();
    label_ = TRY(LabelFile::open(process_));
    plan_.agent.note_process();
    TRY(install_stdio(plan_.options.stdio, plan_.options.preserve_fds));
    std::vector<int> keep = plan_.sources.descriptors();
    for (int fd : plan_.namespaces.descriptors()) keep.push_back(fd);
    for (int fd : cgroup_.descriptors()) keep.push_back(fd);
    keep.push_back(plan_.channel.fd());
    keep.push_back(TRY(sys::ProcFs::ours())->fd());
    for (int fd : {label_.fd(), plan_.agent.socket()}) {
      if (fd >= 0) keep.push_back(fd);
    }
    keep.push_back(plan_.start_socket.get());
    if (plan_.options.console_socket >= 0) keep.push_back(plan_.options.console_socket);
    TRY(close_others(std::move(keep), plan_.options.preserve_fds));
    ::umask(0);
    if (!plan_.options.no_new_keyring) leave_session_keyring(plan_.options.id);
    if (::setsid() < 0) return Error::from_errno(errno, "setsid");
    return {};
  }

  Result<> join_namespaces() {
    TRY(cgroup_.enter());
    TRY(set_cpu_affinity({}));  // whoever calls us may be confined to less
    if (waits_when_born(plan_)) {
      TRY(plan_.channel.send(Signal::kBorn));
      TRY(plan_.channel.expect(Signal::kGo, "the creator"));
    }
    become_undumpable();
    // The limits themselves come last: the set-up needs more descriptors than a program may.
    raise_rlimits(process_, 0);
    TRY(plan_.namespaces.enter());
    if (waits_when_entered(config_)) {
      TRY(plan_.channel.send(Signal::kEntered));
      TRY(plan_.channel.expect(Signal::kGo, "the creator"));
    }
    return set_names(config_);
  }

  Result<UniqueFd> prepare_terminal(const Rootfs& rootfs) {
    if (!process_.terminal) return UniqueFd();
    UniqueFd slave = TRY(open_terminal(rootfs.dir(), process_, plan_.options.console_socket));
    TRY(make_console(rootfs.dir(), slave.get()));
    return slave;
  }

  Result<> run_mount_hooks(const Rootfs& rootfs) {
    if (!waits_when_mounted(config_)) return {};
    if (::fchdir(rootfs.dir().fd()) != 0) return Error::from_errno(errno, "enter the root");
    TRY(plan_.channel.send(Signal::kMounted));
    state_ = TRY(json::parse(TRY(plan_.channel.expect(Signal::kGo, "the creator"))));
    // Hooks in the container's namespaces are told of it as it is seen there (runtime.md, State).
    state_.set("pid", ::getpid());
    return run_hooks(config_.hooks.create_container, "createContainer", state_.dump());
  }

  Result<> become_user() {
    give_stdio(process_.uid);
    // No directory of the set-up is open any more when the working directory is entered.
    std::vector<int> keep{plan_.channel.fd(), plan_.start_socket.get()};
    for (int fd : {label_.fd(), plan_.agent.socket()}) {
      if (fd >= 0) keep.push_back(fd);
    }
    TRY(close_others(std::move(keep), plan_.options.preserve_fds));
    TRY(set_personality(config_));
    TRY(set_memory_policy(config_));
    TRY(set_scheduling(process_, has_cpus(config_)));
    TRY(set_rlimits(process_, warnings_));
    TRY(take_identity(process_, warnings_));
    for (const std::string& text : warnings_) TRY(plan_.channel.send(Signal::kWarning, text));
    if (config_.process) program_ = TRY(find_program(process_, plan_.env));
    return {};
  }

  // The connection of whoever starts the container; it closes with a successful execve.
  Result<Channel> wait_for_start() {
    // The first of a pid namespace gets only the signals that it handles.
    for (int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) ::signal(signal, end_by);
    UniqueFd connection;
    do {
      connection.reset(::accept4(plan_.start_socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
    } while (!connection && errno == EINTR);
    if (!connection) return Error::from_errno(errno, "wait for start");
    plan_.start_socket.reset();
    reset_signals();
    Channel starter(std::move(connection));
    TRY(starter.expect(Signal::kGo, "the starter"));
    return starter;
  }

  Result<> make_ready() const {
    if (!config_.process) {
      return Error(Code::kFailedPrecondition,
                   "nothing to start: the container's config.json has no \"process\"");
    }
    TRY(label_.write());
    return prepare_for_exec(plan_.options.preserve_fds);
  }

  int start(const Channel& starter) {
    Result<> ready = make_ready();
    if (!ready) {
      starter.send_error(ready.error());
      return kInitStatus;
    }
    auto init = config_.annotations.find(kInitAnnotation);
    if (init == config_.annotations.end() || init->second != "true") return run_program(starter);
    return run_small_init([&] { return run_program(starter); }, [&] { stay_as_init(starter); });
  }

  int run_program(const Channel& starter) {
    Result<> done = finish_privileges(process_, plan_.filter, plan_.agent);
    if (done) done = run_start_hooks();
    starter.send_error(done ? execute(program_, process_, plan_.env) : done.error());
    return kInitStatus;
  }

  // They are the container's own programs: confined like the one that follows them.
  Result<> run_start_hooks() const {
    std::vector<OciHook> hooks = config_.hooks.start_container;
    // As runc: without an environment of its own such a hook has the program's.
    for (OciHook& hook : hooks) {
      if (!hook.env) hook.env = plan_.env;
    }
    json::Value state = state_;
    if (!hooks.empty()) state.set("status", status_name(ContainerStatus::kCreated));
    return run_hooks(hooks, "startContainer", state.dump());
  }

  // The small init drops its privileges like the program, but needs no filter: it is our own
  // code. The starter waits only for the program.
  void stay_as_init(const Channel& starter) {
    SeccompListener nobody;
    [[maybe_unused]] auto done = finish_privileges(process_, {}, nobody);
    ::close(starter.fd());
    ::close_range(3, ~0U, 0);
  }

  InitPlan& plan_;
  const OciConfig& config_;
  const OciProcess& process_;
  const sys::CgroupEntry& cgroup_;
  LabelFile label_;
  std::vector<std::string> warnings_;
  json::Value state_;  // for hooks; null where there are none
  std::string program_;
};

}  // namespace

bool waits_when_born(const InitPlan& plan) { return plan.namespaces.new_user(); }

bool waits_when_entered(const OciConfig& config) { return !config.net_devices.empty(); }

bool waits_when_mounted(const OciConfig& config) {
  const OciHooks& hooks = config.hooks;
  return !hooks.prestart.empty() || !hooks.create_runtime.empty() ||
         !hooks.create_container.empty() || !hooks.start_container.empty();
}

int run_container_init(InitPlan& plan, const sys::CgroupEntry& cgroup) {
  return Init(plan, cgroup).run();
}

Result<> start_container_init(const Path& socket) {
  Channel init(TRY(sys::connect_unix(socket, SOCK_SEQPACKET)));
  ::unlink(socket.c_str());
  TRY(init.send(Signal::kGo));
  Message last = TRY(init.receive());
  if (last.signal == Signal::kClosed) return {};
  return Error(Code::kInternal, "the container's process said something unexpected");
}

}  // namespace skiff::runtime
