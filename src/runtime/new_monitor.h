// NewMonitor: a monitor on its way to a container, at the other end of a pair of sockets
// (docs/formats/monitor.md). What it is asked it does while the caller does something else:
//
//   NewMonitor fresh = TRY(pool.take());
//   TRY(fresh.begin_creation(options));                // of a bundle, as far as that goes without
//   a root
//   ... mount the root, look up the user in it ...
//   fresh.give_root(user);                             // it goes on to the process
//   ... wire fresh.network(), where there is one ...
//   MonitorClient monitor = TRY(fresh.created());      // the process waits
//   fresh.ask_start();
//   MonitorWatch watch = TRY(fresh.started());
//
// ask_start() may come before created(), where nothing is to be done in between. One that is
// destroyed before ask_start() or keep() takes back all it has made, and ends: so does one
// whose caller dies. Not thread-safe.
#pragma once

#include <optional>

#include "runtime/container_spec.h"
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

  Result<> begin_creation(const MonitorOptions& options);
  // What is wrong by then is told by created(). `user` is the process's, in this run and in later
  // ones, in place of the one in the bundle, which could not be looked up yet.
  void give_root(const std::optional<ResolvedUser>& user = std::nullopt);
  // Errors are the runtime's: `exec: "x": executable file not found in $PATH` (kNotFound),
  // "permission denied" (kPermissionDenied); nothing is left behind.
  Result<MonitorClient> created();
  // Likewise of started().
  void ask_start();
  // The last call: the connection goes on as the watch.
  Result<MonitorWatch> started();
  // From created() on: the container waits for MonitorClient::start(), also without us.
  Result<> keep();
  // Instead of all that: returns when the monitor has taken back what it has made, and ended.
  void give_up();

 private:
  explicit NewMonitor(UniqueFd socket) : socket_(std::move(socket)) {}
  static Result<NewMonitor> begin(const Path& program, std::string name);

  UniqueFd socket_;
  UniqueFd network_;
  Path state_dir_;
};

}  // namespace skiff::runtime
