// NewMonitor: a monitor on its way to a container, at the other end of a pair of sockets
// (docs/formats/monitor.md). What it is asked it does while the caller does something else:
//
//   NewMonitor fresh = TRY(pool.take());
//   TRY(fresh.prepare(options));                       // it makes the cgroup and opens the log
//   ... mount the root, write the bundle ...
//   TRY(fresh.ask_create());                           // it creates the container
//   ... wire fresh.network(), where there is one ...
//   MonitorClient monitor = TRY(fresh.created());      // the process waits
//   TRY(fresh.ask_start());
//   MonitorWatch watch = TRY(fresh.started());
//
// ask_start() may come before created(), where nothing is to be done in between. One that is
// destroyed before ask_start() and keep() takes back all it has made, and ends: so does one
// whose caller dies. Not thread-safe.
#pragma once

#include "runtime/monitor_client.h"

namespace skiff::runtime {

class NewMonitor {
 public:
  // Starts the monitor's static binary, detached from the caller.
  static Result<NewMonitor> begin(const Path& program);
  // The same of one that is to wait: it has a network namespace for its container, made by now.
  static Result<NewMonitor> begin_spare(const Path& program);

  // Not one that has ended while it waited.
  bool waits() const;
  // The namespace of a container that gets one of its own in the user namespace of the host
  // (namespace_plan.h), its loopback interface up; -1 where there is none.
  int network() const { return network_.get(); }

  Result<> prepare(const MonitorOptions& options);
  Result<> ask_create();
  // Errors are the runtime's: `exec: "x": executable file not found in $PATH` (kNotFound),
  // "permission denied" (kPermissionDenied); nothing is left behind.
  Result<MonitorClient> created();
  Result<> ask_start();
  // The last call: the connection goes on as the watch.
  Result<MonitorWatch> started();
  // From created() on: the container waits for MonitorClient::start(), also without us.
  Result<> keep();
  // Instead of all that: returns when the monitor has taken back what it has made, and ended.
  void give_up();

 private:
  explicit NewMonitor(UniqueFd socket) : socket_(std::move(socket)) {}
  static Result<NewMonitor> begin(const Path& program, std::string name);
  Result<> ask(const char* operation) const;

  UniqueFd socket_;
  UniqueFd network_;
  Path state_dir_;
};

}  // namespace skiff::runtime
