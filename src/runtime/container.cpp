#include "runtime/container.h"

#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "runtime/cgroup_limits.h"
#include "runtime/container_init.h"
#include "runtime/cpu_quota.h"
#include "runtime/diagnostics.h"
#include "runtime/hooks.h"
#include "runtime/notify_proxy.h"
#include "runtime/resctrl.h"
#include "runtime/root_mount.h"
#include "runtime/spec_version.h"
#include "runtime/state_file.h"
#include "sys/procfs.h"

namespace skiff::runtime {

namespace {

constexpr int kEndTimeoutMs = 10'000;

Result<> send_signal(int pidfd, int signal) {
  if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) != 0) {
    if (errno == ESRCH) return Error(Code::kFailedPrecondition, "container not running");
    return Error::from_errno(errno, cat("send signal ", signal));
  }
  return {};
}

Result<> wait_for_end(int pidfd) {
  pollfd polled{pidfd, POLLIN, 0};
  int ready = 0;
  while ((ready = ::poll(&polled, 1, kEndTimeoutMs)) < 0) {
    if (errno != EINTR) return Error::from_errno(errno, "poll");
  }
  if (ready > 0) return {};
  return Error(Code::kDeadlineExceeded, "the container's process does not end after SIGKILL");
}

// Whether somebody has moved the process into a frozen cgroup of theirs (version 1): neither this
// one nor below it, nor the root, where the kernel shows what is ending.
bool is_frozen_elsewhere(pid_t pid, const sys::Cgroup& cgroup) {
  const auto proc = sys::ProcFs::ours();
  const auto text = proc ? (*proc)->read(cat(pid, "/cgroup")) : proc.error();
  if (!text) return false;
  for (const sys::Cgroup::Member& member : cgroup.members()) {
    if (std::ranges::find(member.controllers, "freezer") == member.controllers.end()) continue;
    const std::string own = member.directory.native().substr(member.mount.native().size());
    const std::string mark = cat(":", join(member.controllers, ","), ":");  // 6:freezer:/its/path
    for (const std::string& line : split(*text, '\n')) {
      const size_t at = line.find(mark);
      if (at == std::string::npos) continue;
      const std::string path = line.substr(at + mark.size());
      if (path == "/" || path == own || path.starts_with(own + "/")) return false;
      const auto state = read_file(cat(member.mount.native(), path, "/freezer.state"));
      return state && trim(*state) != "THAWED";
    }
  }
  return false;
}

Error no_container(const std::string& id) {
  return {Code::kNotFound, cat("container ", quoted(id), " does not exist")};
}

Error wrong_status(std::string_view action, const std::string& id, ContainerStatus status) {
  return {Code::kFailedPrecondition,
          cat("cannot ", action, " container ", quoted(id), ": it is ", status_name(status))};
}

}  // namespace

std::string_view status_name(ContainerStatus status) {
  switch (status) {
    case ContainerStatus::kCreating:
      return "creating";
    case ContainerStatus::kCreated:
      return "created";
    case ContainerStatus::kRunning:
      return "running";
    case ContainerStatus::kPaused:
      return "paused";
    case ContainerStatus::kStopped:
      break;
  }
  return "stopped";
}

Result<Container> Container::load(const Path& state_root, const std::string& id) {
  TRY(check_container_id(id));
  Container c;
  c.directory_ = state_root / id;
  c.seccomp_dir_ = state_root / kSeccompDir;
  if (::access(c.directory_.c_str(), F_OK) != 0) return no_container(id);
  Result<> read = c.read_files();
  if (!read) {
    const Code code = read.error().code();
    const bool damaged = code == Code::kNotFound || code == Code::kInvalidArgument;
    return Error(damaged ? Code::kDataLoss : code, read.error().message());
  }
  c.cgroup_ = TRY(sys::Cgroup::open(c.state_.cgroup));
  return c;
}

Result<> Container::read_files() {
  state_ = TRY(read_state(directory_));
  const Path file = directory_ / kConfigFile;
  const json::Value config = TRY_CONTEXT(json::parse(TRY(read_file(file))), file.native());
  config_ = TRY_CONTEXT(parse_config(config, state_.bundle), file.native());
  return {};
}

Result<std::vector<Container>> Container::list(const Path& state_root) {
  std::vector<Container> found;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(state_root, ec)) {
    std::string id = entry.path().filename().native();
    if (id == kSeccompDir || !entry.is_directory(ec)) continue;
    Result<Container> loaded = load(state_root, id);
    if (loaded) {
      found.push_back(std::move(*loaded));
    } else if (::access(entry.path().c_str(), F_OK) == 0) {  // not removed at this moment
      warn(cat("container ", id, ": ", loaded.error().message()));
    }
  }
  std::sort(found.begin(), found.end(),
            [](const Container& a, const Container& b) { return a.state_.id < b.state_.id; });
  return found;
}

Result<> Container::discard(const Path& state_root, const std::string& id) {
  TRY(check_container_id(id));
  Container c;
  c.directory_ = state_root / id;
  if (::access(c.directory_.c_str(), F_OK) != 0) return no_container(id);
  Result<ContainerState> state = read_state(c.directory_);
  c.state_ = state ? std::move(*state) : read_trace(c.directory_);
  const bool traced = !c.state_.cgroup.empty();
  if (traced) c.cgroup_ = TRY(sys::Cgroup::open(c.state_.cgroup));
  if (!state && (!traced || c.cgroup_->members().empty())) {
    warn(cat("container ", id, ": ", state.error().message(), ": no cgroup of it is ",
             traced ? "there" : "known", "; what processes it may still have are not ended"));
  }
  return traced ? c.remove_all() : remove_tree(c.directory_);
}

ContainerStatus Container::status() const {
  if (state_.pid == 0) return ContainerStatus::kCreating;
  if (!sys::process_alive(state_.pid, state_.start_time)) return ContainerStatus::kStopped;
  if (cgroup_->frozen()) return ContainerStatus::kPaused;
  bool waits = ::access((directory_ / kStartSocket).c_str(), F_OK) == 0;
  return waits ? ContainerStatus::kCreated : ContainerStatus::kRunning;
}

json::Value Container::state_json() const { return state_json(status()); }

json::Value Container::state_json(ContainerStatus status) const {
  json::Value state = json::object({{"ociVersion", kSpecVersion},
                                    {"id", state_.id},
                                    {"pid", status == ContainerStatus::kStopped ? 0 : state_.pid},
                                    {"status", status_name(status)},
                                    {"bundle", state_.bundle.native()}});
  if (!state_.annotations.empty()) state.set("annotations", state_.annotations);
  return state;
}

Result<UniqueFd> Container::open_init() const {
  Error gone(Code::kFailedPrecondition, "container not running");
  if (state_.pid == 0) return gone;
  Result<UniqueFd> pidfd = sys::open_pidfd(state_.pid);
  // Its number may be another process's by now.
  if (!pidfd || !sys::process_alive(state_.pid, state_.start_time)) return gone;
  return pidfd;
}

Result<> Container::require_running(std::string_view action) const {
  ContainerStatus now = status();
  if (now == ContainerStatus::kRunning || now == ContainerStatus::kCreated) return {};
  return wrong_status(action, state_.id, now);
}

Result<> Container::start() {
  ContainerStatus now = status();
  if (now != ContainerStatus::kCreated) return wrong_status("start", state_.id, now);
  TRY(start_container_init(directory_ / kStartSocket));
  std::string state = state_json(ContainerStatus::kRunning).dump();
  Result<> hooked = run_hooks(config_.hooks.poststart, "poststart", state);
  // A container whose hook fails does not go on: next are the poststop hooks (runtime.md,
  // Lifecycle).
  if (hooked) return {};
  Result<> removed = remove(true);
  if (!removed) warn(cat("container ", state_.id, ": remove: ", removed.error().message()));
  return hooked;
}

Result<> Container::kill(int signal, bool all) {
  // In a pid namespace of the container's own the others end with the init.
  bool shared_pids = !config_.has_new_namespace(CLONE_NEWPID);
  bool any_left = shared_pids && !TRY(cgroup_->processes()).empty();
  if (signal == SIGKILL && any_left) return cgroup_->kill_all();
  if (signal == SIGKILL && all && !cgroup_->members().empty()) {
    TRY(cgroup_->kill_all());
    return thaw_to_die();
  }
  if (all && !cgroup_->members().empty()) {
    for (pid_t pid : TRY(cgroup_->processes())) ::kill(pid, signal);
    return {};
  }
  UniqueFd init = TRY(open_init());
  TRY(send_signal(init.get(), signal));
  return signal == SIGKILL ? thaw_to_die() : Result<>{};
}

// A frozen process of version 1 takes even SIGKILL only once it is thawed. One that somebody has
// frozen elsewhere is taken back.
Result<> Container::thaw_to_die() const {
  if (cgroup_->v2() || !cgroup_->has("freezer")) return {};
  if (cgroup_->frozen()) TRY(cgroup_->thaw());
  if (!is_frozen_elsewhere(state_.pid, *cgroup_)) return {};
  const Result<> back = cgroup_->write("freezer", "cgroup.procs", cat(state_.pid));
  // Whoever thawed it meanwhile has let it end, and its cgroup go.
  return back || !sys::process_alive(state_.pid, state_.start_time) ? Result<>{} : back;
}

Result<> Container::pause() {
  TRY(require_running("pause"));
  return cgroup_->freeze();
}

Result<> Container::resume() {
  ContainerStatus now = status();
  if (now != ContainerStatus::kPaused) return wrong_status("resume", state_.id, now);
  return cgroup_->thaw();
}

Result<> Container::update(const json::Value& resources, const ResctrlSchemas& schemas) {
  ContainerStatus now = status();
  if (now == ContainerStatus::kStopped) return wrong_status("update", state_.id, now);
  const bool has_scope = !state_.systemd_unit.empty();
  json::Value whole = with_present_quota(*cgroup_, resources);
  if (has_scope) whole = with_whole_percents(std::move(whole));
  const LimitsBefore before = TRY(change_resources(*cgroup_, whole));
  Result<> told = update_resctrl(schemas);
  if (told && has_scope) told = update_scope(state_.systemd_unit, whole);
  if (!told) before.restore(*cgroup_);
  return told;
}

Result<> Container::update_resctrl(const ResctrlSchemas& schemas) {
  if (schemas.l3_cache.empty() && schemas.memory_bandwidth.empty()) return {};
  OciIntelRdt rdt = config_.intel_rdt.value_or(OciIntelRdt{});
  rdt.schemata.clear();
  rdt.l3_cache_schema = schemas.l3_cache;
  rdt.memory_bandwidth_schema = schemas.memory_bandwidth;
  rdt.monitoring = false;  // that group, if any, stays
  ResctrlGroup group = TRY(ResctrlGroup::open(rdt, state_.id));
  if (group.made().empty()) return {};
  state_.resctrl.insert(state_.resctrl.end(), group.made().begin(), group.made().end());
  TRY(write_state(directory_, state_));
  for (pid_t pid : TRY(cgroup_->processes())) TRY(group.add(pid));
  return {};
}

Path Container::notify_directory() const { return directory_ / kNotifyDir; }

Result<> Container::remove(bool force) {
  if (removed_) return {};
  ContainerStatus now = status();
  bool idle = now == ContainerStatus::kStopped || now == ContainerStatus::kCreated;
  if (!idle && !force) {
    return Error(Code::kFailedPrecondition, cat("cannot delete container ", quoted(state_.id),
                                                " that is not stopped: ", status_name(now)));
  }
  TRY(remove_all());
  removed_ = true;
  run_all_hooks(config_.hooks.poststop, "poststop", state_json(ContainerStatus::kStopped).dump());
  return {};
}

Result<> Container::remove_all() const {
  TRY(end_processes());
  stop_unit();
  TRY(cgroup_->remove());
  TRY(remove_resctrl(state_.resctrl));
  detach_root(state_.rootfs, state_.root_mount);
  return remove_tree(directory_);
}

void Container::stop_unit() const {
  if (state_.systemd_unit.empty()) return;
  Result<> stopped = stop_scope(state_.systemd_unit);
  if (!stopped) warn(cat("stop ", state_.systemd_unit, ": ", stopped.error().message()));
}

Result<> Container::end_processes() const {
  Result<UniqueFd> init = open_init();
  if (init) [[maybe_unused]]
    auto sent = send_signal(init->get(), SIGKILL);
  if (!cgroup_->members().empty()) TRY(cgroup_->kill_all());
  if (!init) return {};
  TRY(thaw_to_die());
  return wait_for_end(init->get());
}

}  // namespace skiff::runtime
