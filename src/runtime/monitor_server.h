// ContainerMonitor: one container's parent: its creation, its output and exit, and what clients
// ask (docs/formats/monitor.md).
//
//   ContainerMonitor monitor(loop, options);
//   int pid = TRY(monitor.create());          // on failure nothing is left
//   loop.run();                               // until a client has had it removed
//
// Single-threaded.
#pragma once

#include <optional>

#include "runtime/journal_writer.h"
#include "runtime/monitor_exec.h"
#include "runtime/monitor_io.h"
#include "runtime/monitor_requests.h"

namespace skiff::runtime {

class ContainerMonitor {
 public:
  ContainerMonitor(EventLoop& loop, MonitorOptions options);

  Result<int> create();
  // Kills and removes all there is; without exec sessions.
  Result<> remove();
  // Nothing is left to do for who had it created: from here on the process mostly sleeps, and gives
  // back the memory that it does not need for that, as after each request.
  void settle();
  // A child of this process has ended and was reaped.
  void child_ended(int pid, int wait_status);

 private:
  enum class Stage { kCreated, kRunning, kEnded };
  using Operation = Result<json::Value> (ContainerMonitor::*)(const json::Value& asked);
  // Answers by itself, at once or later, and may keep the connection.
  using Taking = Result<> (ContainerMonitor::*)(Request& request);
  static Operation find_operation(const std::string& name);
  static Taking find_taking(const std::string& name);

  Result<> prepare();
  Result<> listen();
  void serve(Request request);

  Result<json::Value> info(const json::Value& asked);
  Result<json::Value> start(const json::Value& asked);
  Result<json::Value> signal(const json::Value& asked);
  Result<json::Value> stop(const json::Value& asked);
  Result<json::Value> pause(const json::Value& asked);
  Result<json::Value> resume(const json::Value& asked);
  Result<json::Value> update(const json::Value& asked);
  Result<json::Value> resize(const json::Value& asked);
  Result<json::Value> resize_exec(const json::Value& asked);
  Result<> attach(Request& request);
  Result<> exec(Request& request);
  Result<> wait(Request& request);
  Result<> wait_exec(Request& request);
  Result<> watch(Request& request);
  Result<> remove_and_end(Request& request);

  json::Value log_position() const;
  void kill_after(std::chrono::milliseconds delay);
  void kill_now();
  void finish_removal();
  Result<> check_not_ended() const;
  Error not_running() const;
  void log_output(OutputStream stream, std::string_view bytes);
  void record_end();
  void check_reachable();
  void trim_soon();
  void end_if_done();
  void report(const Result<>& result);

  EventLoop& loop_;
  MonitorOptions options_;
  Stage stage_ = Stage::kCreated;
  bool removal_asked_ = false;
  bool removed_ = false;
  bool recorded_ = false;  // the exit, in its file
  std::optional<Container> container_;
  // At most one of the two.
  std::optional<LogWriter> log_;
  std::optional<JournalWriter> journal_;
  ProcessIo io_;
  ExecSessions execs_;
  RequestListener listener_;
  WaitingClients waiting_;
  WaitingClients watching_;
  WaitingClients removing_;
  uint64_t socket_inode_ = 0;
  uint64_t reachable_call_ = 0;
  uint64_t trim_call_ = 0;
  uint64_t kill_call_ = 0;
  std::optional<SteadyTime> kill_at_;
  ExitStatus exit_;
  bool log_failing_ = false;
};

}  // namespace skiff::runtime
