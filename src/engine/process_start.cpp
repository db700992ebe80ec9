// The start of a container's process: the daemon, its monitor and the disk work side by side.
#include <poll.h>

#include <algorithm>

#include "base/log.h"
#include "base/strings.h"
#include "engine/container_network.h"
#include "engine/health.h"
#include "engine/ipc_mode.h"
#include "engine/log_drivers.h"
#include "engine/orphan.h"
#include "engine/process_life.h"
#include "engine/relabel.h"
#include "engine/spec.h"
#include "network/veth_pair.h"
#include "sys/cgroup.h"
#include "sys/namespaces.h"

namespace skiff::engine {

namespace {

// The daemon may map other ids than at the last start.
Result<> choose_ids(Core& core, Container& container) {
  const ContainerInfo info = container.info();
  auto maps =
      TRY(core.userns.choose_again(info.host_config, info.id_maps,
                                   [&](const std::string& other) { return core.maps_of(other); }));
  container.change([&](Record& record) { record.info.id_maps = std::move(maps); });
  return {};
}

Result<> mount_root(Core& core, const Container& container, const std::string& snapshot) {
  const ContainerInfo info = container.info();
  const auto ids = TRY(core.userns.namespace_for(info.id_maps));
  const auto find = [&]() -> Result<snapshot::Mount> {
    auto mount =
        TRY_CONTEXT(core.images.snapshots().mount_of(snapshot), cat("image ", info.config.image));
    mount.ids = ids;
    if (core.labels.is_on()) mount.label = info.labels.mount;
    return mount;
  };
  // Stays until free_process(), also across a restart of the daemon.
  (void)TRY(snapshot::MountedSnapshot::mount(find, container.paths.rootfs())).release();
  return {};
}

// Who the process is is known when there is a root. Returns whether it has a user namespace.
Result<bool> write_bundle(Core& core, const Container& container) {
  runtime::ContainerSpec spec = TRY(make_spec(core, container));
  json::Value config = TRY(runtime::make_oci_config(spec));
  TRY(write_file(container.paths.bundle() / "config.json", config.dump()));
  return spec.id_maps.has_value() || !spec.user_namespace.empty();
}

// Where the containers whose namespaces this one joins keep their states.
Result<std::map<std::string, Path>> joined_namespaces(Core& core, const ContainerInfo& info) {
  const HostConfig& host = info.host_config;
  constexpr std::string_view kContainer = "container:";
  const std::pair<const char*, const std::string&> modes[] = {
      {"network", host.network_mode}, {"pid", host.pid_mode}, {"ipc", host.ipc_mode}};
  std::map<std::string, Path> out;
  const auto join = [&](const char* kind, const std::string& reference) -> Result<> {
    auto other = TRY(core.table.find(reference));
    out[kind] = runtime::MonitorOptions::state_of(other->paths.monitor(), other->id);
    return {};
  };
  for (const auto& [kind, mode] : modes) {
    if (mode.starts_with(kContainer)) TRY(join(kind, mode.substr(kContainer.size())));
  }
  const std::string user = userns_owner(host, info.id_maps);
  if (!user.empty()) TRY(join("user", user));
  return out;
}

Result<runtime::MonitorOptions> monitor_options(Core& core, const Container& container) {
  ContainerInfo info = container.info();
  runtime::MonitorOptions options;
  options.container_id = container.id;
  options.bundle = container.paths.bundle();
  options.state_dir = container.paths.monitor();
  options.seccomp_dir = core.options.run_dir / "seccomp";
  options.exit_file = container.paths.exit_file();
  TRY(set_log_options(info, options));
  options.open_stdin = info.config.open_stdin;
  options.stdin_once = info.config.stdin_once;
  options.terminal = info.config.tty;
  options.restart = policy_of(info.host_config);
  options.restart_count = info.restart_count;
  options.joined = TRY(joined_namespaces(core, info));
  options.health = health_check_of(info);
  options.shm = own_shared_memory(core, container);
  return options;
}

Result<> hand_out_streams(const Monitor& monitor, Container& container) {
  for (const auto& point : container.set_monitor(monitor)) {
    auto stream = monitor->attach(point->wants_stdin());
    if (!stream) {
      point->close();
      return std::move(stream.error());
    }
    point->give(std::move(*stream));
  }
  return {};
}

// What the disk is to keep of a start before it is done: a daemon that follows one which dies
// meanwhile looks for the monitor.
Record as_running(Core& core, Record record) {
  const TimePoint last_finished = record.info.state.finished;
  record.info.state = State{};
  record.info.state.finished = last_finished;
  record.info.state.status = Status::kRunning;
  record.info.state.started = core.clock.now();
  return record;
}

// What the process of a start needs of the host's directories.
Result<> make_place(Core& core, Container& container) {
  TRY(clean_run_directory(container));
  TRY(choose_ids(core, container));
  TRY(hold_volumes(core, container));
  TRY(hold_cgroup_parents(core, container));
  TRY(make_directories(container.paths.rootfs(), 0700));
  TRY(make_directories(container.paths.bundle(), 0700));
  std::error_code ignored;
  std::filesystem::remove(container.paths.exit_file(), ignored);
  return {};
}

// One start; it takes back what it has made unless it succeeds.
class Start final : public PreparedStart {
 public:
  Start(Core& core, Container& container) : core_(core), container_(container) {}
  ~Start() override {
    if (!done_) take_back();
  }

  // As far as to a process that waits, without a network and without clients.
  Result<> prepare() {
    TRY(make_place(core_, container_));
    info_ = container_.info();
    work_beside(std::nullopt);
    TRY(order_creation());
    if (wires_early()) veth_ = TRY(make_container_veth(info_, fresh_->network()));
    TRY(await_creation());
    process_ = TRY(sys::open_pidfd(monitor_->pid()));
    beside_.wait();
    return {};
  }

  // Whether what prepare() has made still waits.
  bool waits() const {
    pollfd ended{process_.get(), POLLIN, 0};
    return process_ && ::poll(&ended, 1, 0) == 0 && fresh_->waits();
  }

  Result<runtime::MonitorWatch> run() {
    const Record record = as_running(core_, container_.record());
    if (monitor_) {
      work_beside(record);
    } else {
      TRY(make_place(core_, container_));
      info_ = container_.info();
      work_beside(record);
      TRY(order_creation());
    }
    // With nothing to be done between the two the monitor needs no word from us.
    const bool at_once = !has_own_endpoint(info_) && !container_.has_attach_points();
    if (at_once) fresh_->ask_start();
    TRY(connect());
    TRY(hand_out_streams(monitor_, container_));
    show_running();
    if (!at_once) fresh_->ask_start();
    auto watch = TRY_CONTEXT(fresh_->started(), "failed to start task for container");
    beside_.wait();
    TRY(saved_);
    done_ = true;
    return watch;
  }

 private:
  // Of the monitor; it goes on while we do something else.
  Result<> order_creation() {
    fresh_ = TRY_CONTEXT(core_.monitors.take(), "failed to create task for container");
    begin_mount();
    TRY(make_network_files(container_.paths));
    has_user_namespace_ = TRY(write_bundle(core_, container_));
    TRY(relabel_sources(core_, container_));
    const runtime::MonitorOptions options = TRY(monitor_options(core_, container_));
    TRY_CONTEXT(fresh_->begin_creation(options), "failed to create task for container");
    TRY(write_network_files(core_, container_));
    mounting_.wait();
    TRY(mounted_);
    fresh_->give_root(TRY(runtime::resolve_user(container_.paths.rootfs(), info_.config.run.user,
                                                info_.host_config.group_add)));
    return {};
  }

  Result<> await_creation() {
    if (monitor_) return {};
    auto created = TRY_CONTEXT(fresh_->created(), "failed to create task for container");
    monitor_ = std::make_shared<runtime::MonitorClient>(std::move(created));
    return {};
  }

  void begin_mount() {
    mounting_.run([this, snapshot = container_.record().snapshot] {
      mounted_ = mount_root(core_, container_, snapshot);
    });
  }

  // Nobody is told of the start before this is done.
  void work_beside(std::optional<Record> to_save) {
    beside_.run([this, record = std::move(to_save)] {
      if (core_.options.has_cgroups && !monitor_) sys::Cgroup::make_ahead(core_.cgroup_of(info_));
      if (record) saved_ = core_.db->save_container(*record);
    });
  }

  // A user namespace has to own its network.
  bool wires_early() const {
    return has_own_endpoint(info_) && fresh_->network() >= 0 && !has_user_namespace_;
  }

  // Into the namespace that waits for the container, while that is made; else into its own.
  Result<> connect() {
    const bool wants = has_own_endpoint(info_);
    const bool early = wires_early();
    if (early) TRY(connect_network(core_, container_, fresh_->network(), veth_.get()));
    TRY(await_creation());
    if (!wants) return {};
    UniqueFd own = TRY(sys::namespace_of(cat(monitor_->pid()), *sys::find_namespace("network")));
    if (!early) return connect_network(core_, container_, own.get(), nullptr);
    if (sys::same_namespace(own.get(), fresh_->network())) return {};
    return Error(Code::kInternal, "the container is not in the network that was made for it");
  }

  void show_running() {
    container_.change([&](Record& record) {
      record = as_running(core_, record);
      record.info.state.pid = monitor_->pid();
    });
  }

  void take_back() {
    mounting_.wait();
    beside_.wait();
    (void)container_.take_monitor();
    disconnect_network(core_, container_);
    end_process();
    if (Result<> cleaned = clean_run_directory(container_); !cleaned) {
      log_warn(cleaned.error().message());
    }
    let_go_volumes(core_, container_);
    container_.cgroup_parents.reset();
  }

  void end_process() {
    if (monitor_) return remove_monitor(core_, container_, *monitor_);
    if (!fresh_) return;
    fresh_->give_up();
    drop_cgroup();
  }

  // Of a monitor that came as far as to a container nothing is there; of one that was killed,
  // processes.
  void drop_cgroup() {
    auto group = sys::Cgroup::open(core_.cgroup_of(info_));
    if (group && group->processes().value_or(std::vector<pid_t>{}).empty()) {
      [[maybe_unused]] auto removed = group->remove();
    }
    end_orphan(core_, container_);
  }

  Core& core_;
  Container& container_;
  ContainerInfo info_;
  std::optional<runtime::NewMonitor> fresh_;
  Monitor monitor_;
  UniqueFd process_;                         // that waits, of a start that was prepared
  std::unique_ptr<network::VethPair> veth_;  // of a start that was prepared
  bool has_user_namespace_ = false;
  bool done_ = false;
  Result<> mounted_;
  Result<> saved_;
  // Last: they work on the above.
  TaskGroup mounting_;
  TaskGroup beside_;
};

// The one that was prepared, where nothing has ended it meanwhile.
std::shared_ptr<Start> take_start(Core& core, Container& container) {
  auto prepared = std::dynamic_pointer_cast<Start>(std::exchange(container.prepared, nullptr));
  if (prepared && prepared->waits()) return prepared;
  prepared.reset();
  return std::make_shared<Start>(core, container);
}

void record_failure(Core& core, Container& container, const State& before, const Error& error) {
  container.change([&](Record& record) {
    record.info.state = before;
    if (record.info.state.status == Status::kRestarting) {
      record.info.state.status = Status::kExited;
    }
    record.info.state.pid = 0;
    record.info.state.error = error.message();
    record.info.state.exit_code = start_exit_code(error);
  });
  core.save_or_log(container);
}

}  // namespace

Result<> prepare_start(Core& core, Container& container) {
  auto start = std::make_shared<Start>(core, container);
  TRY(start->prepare());
  container.prepared = std::move(start);
  return {};
}

Result<runtime::MonitorWatch> start_process(Core& core, Container& container) {
  const State before = container.state();
  auto start = take_start(core, container);
  auto started = start->run();
  // Takes back all of one that failed.
  start.reset();
  if (started) {
    publish_volume_events(core, container, "mount");
    core.publish(container, "start");
    return started;
  }
  record_failure(core, container, before, started.error());
  // Nothing will come on the streams of those who attached.
  for (const auto& point : container.set_monitor(nullptr)) point->close();
  return started;
}

}  // namespace skiff::engine
