// ContainerMonitor: one container's parent: its creation, its runs, their output and ends, and
// what clients ask (docs/formats/monitor.md).
//
//   ContainerMonitor monitor(loop, options, network);
//   TRY(monitor.create(await_root));          // else remove()
//   TRY(monitor.answer_creator(connection));
//   loop.run();                               // until a client has had it removed
//
// A run begins with start() or, by the restart policy, when the wait after the last one is over;
// it ends when the init has ended and its output is read. Single-threaded.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>

#include "runtime/container_spec.h"
#include "runtime/held_namespaces.h"
#include "runtime/journal_writer.h"
#include "runtime/log_compressor.h"
#include "runtime/monitor_exec.h"
#include "runtime/monitor_health.h"
#include "runtime/monitor_io.h"
#include "runtime/monitor_requests.h"
#include "runtime/monitor_watch.h"
#include "runtime/oom_watch.h"

namespace skiff::runtime {

class ContainerMonitor {
 public:
  // `spare_network` may be none (namespace_plan.h).
  ContainerMonitor(EventLoop& loop, MonitorOptions options, UniqueFd spare_network);

  // `await_root`, called when there is nothing more to do without the container's root, tells the
  // `user` of its process, or nothing.
  Result<> create(std::function<Result<json::Value>()> await_root);
  // Tells its pid to who had the container created, and serves what else is asked there. Where
  // nothing is, before the hang-up, the caller has died: the container is removed.
  Result<> answer_creator(UniqueFd connection);
  // Kills and removes all there is; without exec sessions.
  Result<> remove();
  // A child of this process has ended and was reaped.
  void child_ended(int pid, int wait_status);

 private:
  using Stage = MonitorState::Stage;
  using Operation = Result<json::Value> (ContainerMonitor::*)(const json::Value& asked);
  // Answers by itself, at once or later, and may keep the connection.
  using Taking = Result<> (ContainerMonitor::*)(Request& request);
  static Operation find_operation(const std::string& name);
  static Taking find_taking(const std::string& name);

  // monitor_server.cpp: creation and service.
  Result<> prepare();
  Result<> listen();
  void settle();
  void serve(Request request);
  void log_output(OutputStream stream, std::string_view bytes);
  void check_reachable();
  void trim();
  void trim_soon();
  bool has_clients() const;
  void end_if_done();
  void report(const Result<>& result);

  // monitor_life.cpp: the runs.
  Result<> create_container();
  Result<> take_root(OciProcess& process);
  std::unique_ptr<ProcessIo> make_io();
  void replace_io(std::unique_ptr<ProcessIo> io);
  void begin_run();
  void watch_memory();
  void kill_after(std::chrono::milliseconds delay);
  void kill_now();
  void record_end();
  void write_exit();
  void restart();
  Result<> run_again();
  void call_off_restart();
  MonitorState state() const;
  // Tells those who watch, and at the last end those who wait.
  void announce();

  // monitor_operations.cpp: what clients ask.
  Result<json::Value> info(const json::Value& asked);
  Result<json::Value> keep(const json::Value& asked);
  Result<json::Value> stop(const json::Value& asked);
  Result<json::Value> pause(const json::Value& asked);
  Result<json::Value> resume(const json::Value& asked);
  Result<json::Value> update(const json::Value& asked);
  Result<json::Value> resize(const json::Value& asked);
  Result<json::Value> resize_exec(const json::Value& asked);
  Result<json::Value> execs(const json::Value& asked);
  Result<json::Value> exec_info(const json::Value& asked);
  Result<> start(Request& request);
  Result<> attach(Request& request);
  Result<> exec(Request& request);
  Result<> wait(Request& request);
  Result<> wait_exec(Request& request);
  Result<> watch(Request& request);
  Result<> remove_and_end(Request& request);
  Result<> update_bundle(const json::Value& resources);
  json::Value log_position() const;
  void finish_removal();
  bool has_process() const { return stage_ == Stage::kCreated || stage_ == Stage::kRunning; }
  Result<> check_not_ended() const;
  Error not_running() const;

  EventLoop& loop_;
  MonitorOptions options_;
  // Between runs kRestarting, once the end of the last one is recorded; kEnded until then.
  Stage stage_ = Stage::kCreated;
  bool removal_asked_ = false;
  bool removed_ = false;
  bool recorded_ = false;                            // the last run's end, in its file
  bool stopping_ = false;                            // no run is to follow
  std::function<Result<json::Value>()> await_root_;  // until the first run
  std::optional<ResolvedUser> user_;                 // where it is not the bundle's
  std::optional<Container> container_;
  HeldNamespaces held_;
  UniqueFd spare_network_;  // until the first run
  // At most one of the two.
  std::optional<LogWriter> log_;
  std::optional<JournalWriter> journal_;
  std::optional<LogCompressor> compressor_;
  std::unique_ptr<ProcessIo> io_;
  std::list<std::unique_ptr<ProcessIo>> leaving_;  // of earlier runs, with clients that still read
  ExecSessions execs_;
  std::unique_ptr<HealthChecker> health_;
  std::unique_ptr<OomWatch> oom_;
  RequestListener listener_;
  WaitingClients waiting_;
  WaitingClients watching_;
  WaitingClients removing_;
  uint64_t socket_inode_ = 0;
  uint64_t reachable_call_ = 0;
  uint64_t trim_call_ = 0;
  uint64_t kill_call_ = 0;
  uint64_t restart_call_ = 0;
  std::optional<SteadyTime> kill_at_;
  SteadyTime run_began_;
  TimePoint started_;
  RestartBackoff backoff_;
  uint64_t oom_kills_ = 0;  // of the run
  ExitStatus exit_;
  bool log_failing_ = false;
  bool warm_ = true;  // until it has been quiet for the first time
};

}  // namespace skiff::runtime
