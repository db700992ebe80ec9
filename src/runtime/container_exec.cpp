// Container: a further process in a running container.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/scope_exit.h"
#include "base/strings.h"
#include "runtime/channel.h"
#include "runtime/container.h"
#include "runtime/descriptors.h"
#include "runtime/diagnostics.h"
#include "runtime/memory_kills.h"
#include "runtime/namespace_plan.h"
#include "runtime/process_birth.h"
#include "runtime/process_setup.h"
#include "runtime/scheduling.h"
#include "runtime/security_labels.h"
#include "runtime/terminal.h"
#include "sys/procfs.h"
#include "sys/root_dir.h"

namespace skiff::runtime {

namespace {

constexpr int kExecStatus = 1;

// What the new process joins: the namespaces in which the init is and we are not.
struct Habitat {
  UniqueFd init;
  UniqueFd root;
  UniqueFd pid_namespace;  // none when it is ours
  int flags = 0;           // the other namespaces
  int user_first = -1;     // the init, where only its user namespace permits to join the pid's
};

bool shares_namespace(pid_t pid, const sys::NamespaceKind& kind) {
  Result<UniqueFd> theirs = sys::namespace_of(cat(pid), kind);
  Result<UniqueFd> ours = sys::namespace_of("self", kind);
  return theirs && ours && sys::same_namespace(theirs->get(), ours->get());
}

Result<Habitat> find_habitat(UniqueFd init, pid_t pid) {
  Habitat habitat;
  habitat.init = std::move(init);
  const sys::ProcFs* proc = TRY(sys::ProcFs::ours());
  habitat.root = TRY(proc->open_link(cat(pid, "/root"), O_PATH | O_DIRECTORY));
  for (const sys::NamespaceKind* kind = sys::begin_namespaces(); kind != sys::end_namespaces();
       ++kind) {
    if (shares_namespace(pid, *kind)) continue;
    if (kind->flag == CLONE_NEWPID) {
      habitat.pid_namespace = TRY(sys::namespace_of(cat(pid), *kind));
    } else {
      habitat.flags |= static_cast<int>(kind->flag);
    }
  }
  if (::geteuid() != 0 && habitat.pid_namespace && (habitat.flags & CLONE_NEWUSER) != 0) {
    habitat.user_first = habitat.init.get();
    habitat.flags &= ~CLONE_NEWUSER;
  }
  return habitat;
}

// All that the creator makes ready before it clones.
struct ExecPlan {
  const OciConfig& config;
  const OciProcess& process;
  const ExecOptions& options;
  const ContainerState& state;
  Habitat habitat;
  sys::CgroupEntry cgroup;
  const SeccompFilter& filter;
  SeccompListener agent;
  std::vector<std::string> env;
  Channel channel;
};

class Exec {
 public:
  explicit Exec(ExecPlan& plan)
      : config_(plan.config), process_(plan.process), options_(plan.options), plan_(plan) {}

  // In the new process.
  int run() {
    Result<std::string> program = prepare();
    Result<> ready = program ? finish() : Result<>(program.error());
    plan_.channel.send_error(ready ? execute(*program, process_, plan_.env) : ready.error());
    return kExecStatus;
  }

 private:
  Result<std::string> prepare() {
    plan_.channel.carry_debug();
    debug("nsexec container setup: born");
    TRY(isolate());
    TRY(enter_cgroup());
    raise_rlimits(process_, 0);
    TRY(enter_container());
    debug("child process in init(): in the container's cgroup, namespaces and root");
    TRY(prepare_terminal());
    TRY(reopen_null());
    give_stdio(process_.uid);
    std::vector<int> keep{plan_.channel.fd()};
    for (int fd : {label_.fd(), plan_.agent.socket()}) {
      if (fd >= 0) keep.push_back(fd);
    }
    TRY(close_others(std::move(keep), options_.preserve_fds));
    TRY(set_personality(config_));
    TRY(set_memory_policy(config_));
    TRY(set_scheduling(process_, has_cpus(config_)));
    TRY(set_rlimits(process_, warnings_));
    TRY(take_identity(process_, warnings_));
    for (const std::string& text : warnings_) TRY(plan_.channel.send(Signal::kWarning, text));
    return find_program(process_, plan_.env);
  }

  Result<> isolate() {
    become_undumpable();
    reset_signals();
    label_ = TRY(LabelFile::open(process_));
    plan_.agent.note_process();
    TRY(install_stdio(options_.stdio, options_.preserve_fds));
    std::vector<int> keep = plan_.cgroup.descriptors();
    for (int fd : {label_.fd(), plan_.agent.socket()}) {
      if (fd >= 0) keep.push_back(fd);
    }
    keep.insert(keep.end(),
                {plan_.habitat.init.get(), plan_.habitat.root.get(), plan_.channel.fd()});
    if (options_.console_socket >= 0) keep.push_back(options_.console_socket);
    TRY(close_others(std::move(keep), options_.preserve_fds));
    ::umask(0);
    if (!plan_.state.no_new_keyring) leave_session_keyring(plan_.state.id);
    if (::setsid() < 0) return Error::from_errno(errno, "setsid");
    return {};
  }

  Result<> enter_cgroup() const {
    const auto& affinity = process_.exec_cpu_affinity;
    if (affinity && !affinity->initial.empty()) {
      TRY(set_cpu_affinity(affinity->initial));
      debug(cat("nsexec: affinity: ", mask_text(affinity->initial)));
    }
    TRY(plan_.cgroup.enter());
    // Without a final one the kernel decides what is left of the initial.
    if (affinity && affinity->final.empty()) return {};
    return set_cpu_affinity(affinity ? affinity->final : IndexMask());
  }

  Result<> enter_container() {
    if (plan_.habitat.flags != 0 && ::setns(plan_.habitat.init.get(), plan_.habitat.flags) != 0) {
      return Error::from_errno(errno, "join the container's namespaces");
    }
    // The init's own root: without pivot_root it is not that of its mount namespace.
    if (::fchdir(plan_.habitat.root.get()) != 0 || ::chroot(".") != 0 || ::chdir("/") != 0) {
      return Error::from_errno(errno, "enter the container's root");
    }
    return {};
  }

  Result<> prepare_terminal() {
    if (!process_.terminal) return {};
    sys::RootDir root = TRY(sys::RootDir::open("/"));
    UniqueFd slave = TRY(open_terminal(root, process_, options_.console_socket));
    return use_terminal(slave.get());
  }

  Result<> finish() {
    TRY(label_.write());
    TRY(prepare_for_exec(options_.preserve_fds));
    debug(cat("setns_init: about to exec ", process_.args[0]));
    TRY(plan_.channel.send(Signal::kReady));
    return finish_privileges(process_, plan_.filter, plan_.agent);
  }

  const OciConfig& config_;
  const OciProcess& process_;
  const ExecOptions& options_;
  ExecPlan& plan_;
  LabelFile label_;
  std::vector<std::string> warnings_;
};

// What the process does not say is as for the container's first one.
OciProcess with_defaults(const OciProcess& process, const OciConfig& config) {
  OciProcess whole = process;
  if (!config.process) return whole;
  const OciProcess& first = *config.process;
  if (!whole.scheduler) whole.scheduler = first.scheduler;
  if (!whole.io_priority) whole.io_priority = first.io_priority;
  if (!whole.exec_cpu_affinity) whole.exec_cpu_affinity = first.exec_cpu_affinity;
  if (whole.apparmor_profile.empty()) whole.apparmor_profile = first.apparmor_profile;
  if (whole.selinux_label.empty()) whole.selinux_label = first.selinux_label;
  return whole;
}

// Into the version 2 cgroup in which `pid` is.
Result<sys::CgroupEntry> entry_beside(pid_t pid) {
  std::string text = TRY(TRY(sys::ProcFs::ours())->read(cat(pid, "/cgroup")));
  for (const std::string& line : split(text, '\n')) {
    if (!line.starts_with("0::")) continue;
    sys::Cgroup group = TRY(sys::Cgroup::open(line.substr(3)));
    return group.entry();
  }
  return Error(Code::kInternal, cat("process ", pid, " is in no version 2 cgroup"));
}

// After kReady the channel closes with the execve, or brings its failure.
Result<> await_program(const Channel& channel, const MemoryKills& kills) {
  Message first = TRY(channel.receive());
  const bool died = first.signal == Signal::kClosed;
  Result<std::string> ready = Channel::check(std::move(first), Signal::kReady, "the new process");
  if (!ready) return died ? kills.tell(ready.error()) : ready.error();
  Message last = TRY(channel.receive());
  if (last.signal == Signal::kClosed) return {};
  return Error(Code::kInternal, "the new process said something unexpected");
}

}  // namespace

Result<sys::Child> Container::exec(const OciProcess& wanted, const ExecOptions& options) {
  bool paused = status() == ContainerStatus::kPaused;
  if (paused && !options.ignore_paused) {
    return Error(Code::kFailedPrecondition,
                 "cannot exec in a paused container (use --ignore-paused to override)");
  }
  if (!paused) TRY(require_running("exec in"));
  TRY(check_preserved(options.preserve_fds));
  Habitat habitat = TRY(find_habitat(TRY(open_init()), state_.pid));
  // What was opened by number belongs to the init if that still lives.
  if (!sys::process_alive(state_.pid, state_.start_time)) {
    return Error(Code::kFailedPrecondition, "container not running");
  }
  std::shared_ptr<const SeccompFilter> filter = TRY(seccomp_filter());
  SeccompListener agent = TRY(SeccompListener::connect(*filter, config_.seccomp, state_json()));
  Channel::Ends ends = TRY(Channel::make());
  OciProcess process = with_defaults(wanted, config_);
  warn_of_capabilities(process);
  drop_unenforced_labels(process);
  ExecPlan plan{.config = config_,
                .process = process,
                .options = options,
                .state = state_,
                .habitat = std::move(habitat),
                .cgroup = TRY_CONTEXT(cgroup_->entry(options.cgroups), "exec --cgroup"),
                .filter = *filter,
                .agent = std::move(agent),
                .env = environment_of(process, state_.rootfs),
                .channel = std::move(ends.process)};
  lend_pipes(options.stdio, state_.pid, process.uid);
  auto make = [&] {
    const int cgroup = plan.cgroup.unified_dir();
    const UniqueFd& pids = plan.habitat.pid_namespace;
    auto body = [&] { return Exec(plan).run(); };
    return pids ? clone_into_pid_namespace(pids, plan.habitat.user_first, cgroup, body)
                : sys::clone_process({.cgroup = cgroup}, body);
  };
  const MemoryKills kills(*cgroup_);
  Result<sys::Child> made = make();
  // A container that divides its version 2 cgroup has no process in it itself.
  if (!made && made.error().sys_errno() == EBUSY && cgroup_->v2() && options.cgroups.empty()) {
    plan.cgroup = TRY(entry_beside(state_.pid));
    made = make();
  }
  if (!made && made.error().sys_errno() == EBUSY) {
    return Error(Code::kFailedPrecondition,
                 cat("exec --cgroup: adding pid of the new process to cgroups: ", cgroup_->path(),
                     "/cgroup.procs: device or resource busy"));
  }
  sys::Child child = TRY(std::move(made));
  plan.channel.close();
  plan.agent.close();
  ScopeExit undo([&] {
    ::kill(child.pid, SIGKILL);
    while (::waitpid(child.pid, nullptr, 0) < 0 && errno == EINTR) continue;
  });
  TRY(adjust_oom_score(process, child.pid));
  TRY(await_program(ends.creator, kills));
  undo.dismiss();
  return child;
}

}  // namespace skiff::runtime
