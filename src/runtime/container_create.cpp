// Container: creation. What it takes is opened and made here, with the host's eyes; the new
// process (container_init.h) puts it in place.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/memory.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "runtime/cgroup_delegation.h"
#include "runtime/cgroup_limits.h"
#include "runtime/container.h"
#include "runtime/container_init.h"
#include "runtime/cpu_quota.h"
#include "runtime/descriptors.h"
#include "runtime/device_rules.h"
#include "runtime/diagnostics.h"
#include "runtime/hooks.h"
#include "runtime/memory_kills.h"
#include "runtime/network_devices.h"
#include "runtime/notify_proxy.h"
#include "runtime/process_setup.h"
#include "runtime/resctrl.h"
#include "runtime/root_mount.h"
#include "runtime/seccomp_cache.h"
#include "runtime/security_labels.h"
#include "runtime/state_file.h"
#include "sys/unix_socket.h"

namespace skiff::runtime {

namespace {

Result<> write_copy(const Path& file, const std::string& text) {
  UniqueFd fd = TRY(open_file(file, O_WRONLY | O_CREAT | O_EXCL, 0600));
  if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return Error::from_errno(errno, cat("write ", file.native()));
  }
  return {};
}

// What an ordinary user may not do, and what would let it.
Result<> check_ordinary(const OciConfig& config) {
  if (config.find_namespace(CLONE_NEWUSER) != nullptr && config.has_new_namespace(CLONE_NEWNS)) {
    return {};
  }
  return Error(Code::kPermissionDenied,
               "linux.namespaces: an ordinary user's container needs a user and a mount namespace "
               "of its own: skiff-runtime spec --rootless shows one");
}

// Leads the new process through the points at which it waits for us.
class Escort {
 public:
  Escort(const OciConfig& config, const UniqueFd& pidfd, const Channel& channel)
      : config_(config), pidfd_(pidfd), channel_(channel) {}

  Result<> map_ids(const InitPlan& plan, pid_t pid) const {
    if (!waits_when_born(plan)) return {};
    TRY(expect(Signal::kBorn));
    TRY(plan.namespaces.map_ids(config_, pid));
    raise_rlimits(plan.process, pid);
    return channel_.send(Signal::kGo);
  }

  Result<> give_devices(pid_t pid) const {
    if (!waits_when_entered(config_)) return {};
    TRY(expect(Signal::kEntered));
    UniqueFd netns = TRY(sys::namespace_of(cat(pid), *sys::find_namespace("network")));
    TRY(move_network_devices(config_.net_devices, netns.get()));
    return channel_.send(Signal::kGo);
  }

  // The oldest kind once ran with the start: it is told of a created container still.
  Result<> run_hooks(const std::string& state, const std::string& state_of_prestart) const {
    if (!waits_when_mounted(config_)) return {};
    TRY(expect(Signal::kMounted));
    TRY(runtime::run_hooks(config_.hooks.prestart, "prestart", state_of_prestart));
    TRY(runtime::run_hooks(config_.hooks.create_runtime, "createRuntime", state));
    return channel_.send(Signal::kGo, state);
  }

  Result<> see_ready() const { return expect(Signal::kReady); }

 private:
  Result<> expect(Signal signal) const {
    Message heard = TRY(channel_.receive());
    while (heard.signal == Signal::kCloned) {
      TRY(map_mount(heard.text));
      heard = TRY(channel_.receive());
    }
    TRY(Channel::check(std::move(heard), signal, "the container's process"));
    return {};
  }

  // Of the container's user namespace's root the file system would not take it.
  Result<> map_mount(const std::string& text) const {
    auto parts = split_once(text, ' ');
    std::optional<int64_t> index = parts ? parse_int(parts->first) : std::nullopt;
    std::optional<int64_t> number = parts ? parse_int(parts->second) : std::nullopt;
    if (!index || !number || *index < 0 || std::cmp_greater_equal(*index, config_.mounts.size())) {
      return Error(Code::kInternal, "the container's process names no mount of the config");
    }
    const OciMount& mount = config_.mounts[static_cast<size_t>(*index)];
    UniqueFd cloned = TRY(sys::copy_descriptor(pidfd_, static_cast<int>(*number)));
    TRY_CONTEXT(runtime::map_ids(cloned, mount, config_), describe(mount));
    return channel_.send(Signal::kGo);
  }

  const OciConfig& config_;
  const UniqueFd& pidfd_;
  const Channel& channel_;
};

}  // namespace

Result<> Container::begin(const CreateOptions& options, Bundle bundle) {
  TRY(check_container_id(options.id));
  TRY(check_preserved(options.preserve_fds));
  state_.id = options.id;
  state_.bundle = std::move(bundle.path);
  config_ = std::move(bundle.config);
  drop_unenforced_labels(config_);
  if (config_.process) warn_of_capabilities(*config_.process);
  for (OciNamespace& own : config_.namespaces) {
    for (const OciNamespace& other : options.namespaces) {
      if (own.kind == other.kind) own.path = other.path;
    }
  }
  state_.rootfs = config_.root;
  state_.annotations = config_.annotations;
  state_.created = Clock::system().now();
  state_.owner = current_owner();
  state_.no_new_keyring = options.no_new_keyring;
  directory_ = options.state_root / options.id;
  seccomp_dir_ = options.seccomp_dir;
  return make_directory(bundle.text);
}

Result<Container> Container::create(const CreateOptions& options, Bundle bundle) {
  Container c;
  TRY(c.begin(options, std::move(bundle)));
  ScopeExit undo([&] { c.undo_create(); });
  if (c.config_.process) {
    std::vector<std::string>& env = c.config_.process->env;
    env.insert(env.end(), options.env.begin(), options.env.end());
    if (options.notify_socket) TRY(c.make_notify_directory());
  }
  c.config_.resources = with_device_rules(c.config_.resources);
  TRY(options.systemd_cgroup ? c.make_scope() : c.make_cgroup());
  const MemoryKills kills(*c.cgroup_);
  Result<> launched = c.launch(options);
  if (!launched) return kills.tell(launched.error());
  undo.dismiss();
  return c;
}

Result<> Container::make_directory(const std::string& config_text) {
  TRY(make_directories(directory_.parent_path(), 0711));
  if (::mkdir(directory_.c_str(), 0711) != 0) {
    if (errno == EEXIST) {
      return Error(Code::kAlreadyExists,
                   cat("container with id ", quoted(state_.id), " exists already"));
    }
    return Error::from_errno(errno, cat("mkdir ", directory_.native()));
  }
  Result<> copied = write_copy(directory_ / kConfigFile, config_text);
  if (!copied) [[maybe_unused]]
    auto removed = remove_tree(directory_);
  return copied;
}

Result<> Container::make_notify_directory() {
  TRY(make_directories(notify_directory(), 0755));
  OciMount mount;
  mount.destination = kNotifyPlace;
  mount.source = notify_directory().native();
  mount.type = "bind";
  mount.options = {"bind", "nosuid", "noexec", "nodev", "ro"};
  config_.mounts.push_back(std::move(mount));
  config_.process->env.push_back(cat("NOTIFY_SOCKET=", kNotifyPlace, "/", kNotifySocket));
  return {};
}

Result<> Container::make_cgroup() {
  std::string path = config_.cgroups_path.empty() ? state_.id : config_.cgroups_path;
  cgroup_ = TRY_CONTEXT(sys::Cgroup::create(path), "linux.cgroupsPath");
  state_.cgroup = cgroup_->path();
  debug(cat("cgroup ", state_.cgroup));
  // Known from here on, so that a container whose creator dies can be deleted.
  TRY(leave_trace(directory_, state_));
  TRY(write_state(directory_, state_));
  return set_up_cgroup();
}

Result<> Container::make_scope() {
  ScopeName name = TRY(parse_scope(config_.cgroups_path, state_.id));
  config_.resources = with_whole_percents(config_.resources);
  StartedScope scope = TRY(start_scope(name, {config_.resources, config_.annotations}));
  scope_holder_.emplace(std::move(scope.holder));
  state_.systemd_unit = name.unit;
  state_.cgroup = scope.cgroup;
  debug(cat("cgroup ", state_.cgroup, " of systemd's ", name.unit));
  TRY(leave_trace(directory_, state_));
  TRY(write_state(directory_, state_));
  cgroup_ = TRY(sys::Cgroup::adopt(scope.cgroup));
  return set_up_cgroup();
}

Result<> Container::set_up_cgroup() {
  TRY(apply_resources(*cgroup_, config_.resources));
  return delegate_cgroup(*cgroup_, config_);
}

Result<> Container::await_root(const CreateOptions& options) {
  if (!options.await_root) return {};
  OciProcess none;
  TRY(options.await_root(config_.process ? *config_.process : none));
  return delegate_cgroup(*cgroup_, config_);
}

Result<> Container::launch(const CreateOptions& options) {
  Channel::Ends ends = TRY(Channel::make());
  NamespacePlan namespaces = TRY(NamespacePlan::make(config_, options.spare_network));
  const bool ordinary = ::geteuid() != 0;
  if (ordinary) TRY(check_ordinary(config_));
  RootfsSources sources;
  if (!ordinary) sources = TRY(open_rootfs_sources(config_, state_.bundle, *cgroup_));
  std::shared_ptr<const SeccompFilter> filter = TRY(seccomp_filter());
  if (!filter->program.empty()) debug(cat("seccomp filter flags: ", filter->flags));
  SeccompListener agent = TRY(
      SeccompListener::connect(*filter, config_.seccomp, state_json(ContainerStatus::kCreating)));
  UniqueFd start_socket = TRY(sys::listen_unix(directory_ / kStartSocket, 1, SOCK_SEQPACKET));
  sys::CgroupEntry entry = TRY(cgroup_->entry());
  TRY(await_root(options));
  // Without one the container is there to be looked at and entered; it cannot be started.
  const OciProcess process = config_.process.value_or(OciProcess{.cwd = "/"});
  if (!ordinary) sources.root = TRY(open_root(config_));
  if (!config_.has_new_namespace(CLONE_NEWNS)) {
    state_.root_mount = mount_number(sources.root.get());
    TRY(write_state(directory_, state_));
  }
  InitPlan plan{.config = config_,
                .process = process,
                .options = options,
                .namespaces = std::move(namespaces),
                .sources = std::move(sources),
                .filter = *filter,
                .agent = std::move(agent),
                .env = environment_of(process, state_.rootfs),
                .channel = std::move(ends.process),
                .start_socket = std::move(start_socket),
                .bundle = state_.bundle,
                .cgroup = &*cgroup_};
  sys::Child child = TRY(
      plan.namespaces.clone(entry.unified_dir(), [&] { return run_container_init(plan, entry); }));
  plan.channel.close();
  plan.agent.close();
  state_.pid = child.pid;
  debug(cat("process ", child.pid, " is born"));
  pidfd_ = std::move(child.pidfd);
  state_.start_time = TRY(sys::process_start_time(child.pid));
  TRY(adjust_oom_score(process, child.pid));
  TRY(join_resctrl());
  Escort escort(config_, pidfd_, ends.creator);
  TRY(escort.map_ids(plan, child.pid));
  TRY(escort.give_devices(child.pid));
  TRY(escort.run_hooks(state_json(ContainerStatus::kCreating).dump(),
                       state_json(ContainerStatus::kCreated).dump()));
  TRY(escort.see_ready());
  lend_pipes(options.stdio, child.pid, process.uid);
  scope_holder_.reset();
  return write_state(directory_, state_);
}

void Container::forget_creation() {
  // Who listens to a filter is read from the profile at each exec.
  if (filter_ && !filter_->notifies()) config_.seccomp = {};
  config_.resources = {};
  config_.sysctls.clear();
  free_memory_of(config_.mounts);
  free_memory_of(config_.devices);
  free_memory_of(config_.masked_paths);
  free_memory_of(config_.readonly_paths);
}

Result<> Container::join_resctrl() {
  if (!config_.intel_rdt) return {};
  ResctrlGroup group = TRY(ResctrlGroup::open(*config_.intel_rdt, state_.id));
  state_.resctrl = group.made();
  return group.add(state_.pid);
}

void Container::undo_create() {
  if (pidfd_) {
    ::kill(state_.pid, SIGKILL);
    while (::waitpid(state_.pid, nullptr, 0) < 0 && errno == EINTR) continue;
  }
  scope_holder_.reset();
  if (!state_.systemd_unit.empty()) [[maybe_unused]]
    auto stopped = stop_scope(state_.systemd_unit);
  if (cgroup_) {
    [[maybe_unused]] auto killed = cgroup_->kill_all();
    [[maybe_unused]] auto removed = cgroup_->remove();
  }
  detach_root(state_.rootfs, state_.root_mount);
  [[maybe_unused]] auto unclassed = remove_resctrl(state_.resctrl);
  [[maybe_unused]] auto removed = remove_tree(directory_);
  // As at any end: what an earlier hook did may have to be undone (runtime.md, Lifecycle).
  run_all_hooks(config_.hooks.poststop, "poststop", state_json(ContainerStatus::kStopped).dump());
}

Result<std::shared_ptr<const SeccompFilter>> Container::seccomp_filter() {
  if (!filter_) {
    filter_ =
        std::make_shared<const SeccompFilter>(TRY(SeccompCache(seccomp_dir_).get(config_.seccomp)));
  }
  return filter_;
}

}  // namespace skiff::runtime
