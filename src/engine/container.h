// Container: one container in memory: its record, and while it runs its monitor.
//
// Two locks. The one of operate() is held by whoever changes the container's life (start, exit,
// pause, rename, removal), also over I/O of this container. The inner mutex guards only
// values and is never held over I/O, so that info() answers at once, whatever goes on.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/attach_point.h"
#include "engine/record.h"
#include "engine/wait_slot.h"
#include "runtime/monitor_client.h"
#include "sys/cgroup_parents.h"

namespace skiff::engine {

using Monitor = std::shared_ptr<runtime::MonitorClient>;

// Where a container's files are.
struct ContainerPaths {
  Path directory;  // ROOT/containers/ID
  Path run;        // RUN/containers/ID

  Path json_log(const std::string& id) const { return directory / (id + "-json.log"); }
  Path local_log() const { return directory / "local.log"; }
  Path exit_file() const { return directory / "exit.json"; }
  Path hostname() const { return directory / "hostname"; }
  Path hosts() const { return directory / "hosts"; }
  Path resolv_conf() const { return directory / "resolv.conf"; }
  Path rootfs() const { return run / "rootfs"; }
  Path bundle() const { return run / "bundle"; }
  Path shm() const { return run / "shm"; }  // of one whose IPC namespace others may join
  Path monitor() const { return run / "monitor"; }
};

// What was made for a container's start before that was asked for (starts_ahead.h). One that is
// destroyed takes all of it back.
class PreparedStart {
 public:
  PreparedStart() = default;
  PreparedStart(const PreparedStart&) = delete;
  PreparedStart& operator=(const PreparedStart&) = delete;
  virtual ~PreparedStart() = default;
};

class Container {
 public:
  using OperationLock = std::unique_lock<std::mutex>;

  Container(Record record, ContainerPaths paths);

  const std::string id;
  const ContainerPaths paths;

  // For any operation but a start: what was prepared for the next one is taken back, as it was made
  // of what the operation may change.
  OperationLock operate();
  OperationLock operate_start();
  // Does not wait: an operation under way may be that start.
  OperationLock try_operate_start();
  // Guarded by the above.
  std::shared_ptr<PreparedStart> prepared;

  std::optional<sys::CgroupParents::Use> cgroup_parents;
  uint64_t oom_kills_told = 0;  // of this run

  // While it is being restarted by hand: its end is no reason for --rm to remove it.
  std::atomic<bool> keep_after_exit = false;

  ContainerInfo info() const;
  Record record() const;
  State state() const;
  std::string name() const;
  // Changes the record under the inner lock; `change` must be quick. Returns what it returns.
  template <typename Change>
  auto change(Change&& change) {
    std::lock_guard lock(mutex_);
    return change(record_);
  }

  // The monitor, while the container's process exists.
  Monitor monitor() const;
  // From now on attach goes to `monitor`; gives those who attached before the start.
  std::vector<std::shared_ptr<AttachPoint>> set_monitor(Monitor monitor);
  Monitor take_monitor();

  // The monitor when there is one, else registers `point` for the next start.
  Monitor monitor_or_register(const std::shared_ptr<AttachPoint>& point);
  void unregister(const std::shared_ptr<AttachPoint>& point);
  bool has_attach_points() const;

  // A waiter; complete at once where its condition already holds.
  std::shared_ptr<WaitSlot> add_waiter(WaitCondition condition);
  void forget_waiter(const std::shared_ptr<WaitSlot>& slot);
  // The process ended: those who wait for an exit, and those attached before a start, learn it.
  void notify_exit();
  // The container is gone: every waiter learns it.
  void notify_removed();
  // The engine goes away: every waiter gets `error`.
  void fail_waiters(const Error& error);

  void add_exec(const std::string& exec_id);
  void remove_exec(const std::string& exec_id);

 private:
  void complete_waiters(const std::function<bool(WaitCondition)>& which);
  std::mutex operation_;
  mutable std::mutex mutex_;
  Record record_;
  Monitor monitor_;
  std::vector<std::shared_ptr<WaitSlot>> waiters_;
  std::vector<std::shared_ptr<AttachPoint>> attach_points_;
};

// Every container of the engine, by id and by name. Thread-safe.
class ContainerTable {
 public:
  // Takes `name`; Docker's conflict text when another container has it.
  Result<> reserve_name(const std::string& name, const std::string& id);
  void release_name(const std::string& name, const std::string& id);
  void add(std::shared_ptr<Container> container);
  void erase(const std::string& id);

  // By id, name, or unambiguous id prefix.
  Result<std::shared_ptr<Container>> find(const std::string& reference) const;
  std::vector<std::shared_ptr<Container>> all() const;
  // Whether there is a container of that id, or one is being made.
  bool knows(const std::string& id) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Container>> by_id_;
  std::map<std::string, std::string> names_;  // name -> id
};

}  // namespace skiff::engine
