// The engine's side of a container's monitor.
//
// skiff-monitor is the parent of one container: it creates it from a bundle, keeps its
// output (json-file log and attached clients) and its exit status, runs exec sessions, and
// outlives the daemon. It listens on STATE_DIR/monitor.sock (0600); each request is a
// connection of its own: one JSON line each way, then, for attach and exec, the stream.
//
//   auto m = TRY(MonitorClient::spawn(program, options));  // created, its process waiting
//   ... configure the network of m.pid() ...
//   TRY(m.start());
//   ExitStatus e = TRY(m.wait(cancel));            // also through another daemon, later
//
// Output on attach and exec streams is in Docker's frames (8-byte header: stream number 1
// or 2, three zeros, big-endian length) or raw with a terminal; input is raw, and
// shutdown(SHUT_WR) closes the process's stdin. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/cancellation.h"
#include "base/file.h"
#include "base/io.h"
#include "codec/json.h"
#include "runtime/health.h"
#include "runtime/monitor_watch.h"
#include "runtime/restart_policy.h"

namespace skiff::runtime {

struct StopRequest {
  int signal = 15;
  std::optional<std::chrono::milliseconds> timeout;  // before KILL; nullopt: no KILL
  bool by_hand = true;  // else it is the daemon that goes, and its next one may start it again
};

// A file system in memory that each run of a container gets anew, where others find it, too.
struct SharedMemory {
  Path path;  // on the host
  int64_t bytes = 0;
  uint32_t uid = 0;  // of its root
  uint32_t gid = 0;
  std::string label;  // of SELinux; "" has none
};

struct MonitorOptions {
  std::string container_id;
  Path bundle;       // with config.json
  Path state_dir;    // in the run directory: monitor.sock, pid, state; removed with the container
  Path seccomp_dir;  // compiled filters, of all containers; "" keeps none
  Path exit_file;    // exit.json, durable, outside the run directory
  Path log_file;     // of the drivers json-file and local; "" keeps no log
  std::string log_driver = "json-file";
  std::map<std::string, std::string> log_attributes;  // in each line, of the driver json-file
  std::map<std::string, std::string> journal_fields;  // of the driver journald
  bool open_stdin = false;
  bool stdin_once = false;  // close stdin after the first attached client has gone
  bool terminal = false;
  uint64_t log_max_bytes = 0;  // 0: no rotation
  int log_max_files = 1;
  bool log_compressed = false;  // the rotated files
  RestartPolicy restart;
  int restart_count = 0;  // of the first run
  // Namespaces of other containers that the bundle joins: OCI name -> directory of the state.
  std::map<std::string, Path> joined;
  std::optional<HealthCheck> health;
  std::optional<SharedMemory> shm;

  // Of the container's runtime, for those that join its namespaces.
  static Path state_of(const Path& state_dir, const std::string& id) {
    return state_dir / "state" / id;
  }
  static Path health_file(const Path& state_dir) { return state_dir / "health.json"; }
};

struct ExecSpec {
  std::vector<std::string> args;
  std::vector<std::string> env;  // whole environment
  std::string working_dir;
  std::string user;
  bool terminal = false;
  bool attach_stdin = false;
  bool attach_stdout = true;
  bool attach_stderr = true;
  bool privileged = false;
  int console_height = 0;
  int console_width = 0;
  std::string record;  // the client's own words about the session, for MonitorClient::execs()
};

// What a monitor knows of an exec session.
struct ExecReport {
  std::string id;
  int pid = 0;
  std::optional<int> code;  // none while it runs
  TimePoint finished;
  bool told = false;  // a client that waited has got the code
  std::string record;
};
json::Value to_json(const ExecReport& report);
Result<ExecReport> exec_report_from(const json::Value& value);

// A running exec session.
struct ExecSession {
  std::string id;
  int pid = 0;
  UniqueFd stream;  // none when nothing is attached
};

// A live stream that begins exactly where the log so far ends.
struct AttachedWithLog {
  UniqueFd stream;
  // The output before `stream` is the log up to this byte of this file (which may have been
  // rotated since), followed by `pending`: what the log does not have yet because its line has
  // no newline, in the stream's own form.
  uint64_t log_inode = 0;
  uint64_t log_offset = 0;
  std::string pending;
};

class MonitorClient {
 public:
  // Starts a monitor and has it create its container; NewMonitor, which does that in steps, tells
  // of the errors.
  static Result<MonitorClient> spawn(const Path& program, const MonitorOptions& options);
  // A monitor that runs already; kNotFound when there is none.
  static Result<MonitorClient> connect(const Path& state_dir);

  int pid() const { return pid_; }  // the container's first init, in the host's numbers

  Result<> start();
  // Sends a signal; no run follows this one. A pending one is called off.
  Result<> signal(int signal_number) { return stop({.signal = signal_number, .timeout = {}}); }
  // Likewise, and the monitor sends KILL when the time is over, also if the caller has died by
  // then. Answers at once; kFailedPrecondition when the container has ended.
  Result<> stop(const StopRequest& request);
  Result<> pause();
  Result<> resume();
  // Limits, and the policy where there is one; both hold for later runs, too.
  Result<> update(const json::Value& oci_resources, const std::optional<RestartPolicy>& restart);
  Result<> resize(int height, int width);
  // The container's output from now on; `stdin_too` also takes input.
  Result<UniqueFd> attach(bool stdin_too);
  Result<AttachedWithLog> attach_with_log(bool stdin_too);
  // Starts a process in the container. Start failures come as Errors with Docker's texts.
  Result<ExecSession> exec(const std::string& exec_id, const ExecSpec& spec);
  Result<> resize_exec(const std::string& exec_id, int height, int width);
  // Blocks until the exec session's process has ended.
  Result<int> wait_exec(const std::string& exec_id, const CancelToken& cancel = {});
  // The sessions that run, and of those that have ended which it keeps the younger ones.
  Result<std::vector<ExecReport>> execs(TimePoint ended_after) const;
  Result<MonitorState> state() const;
  // Blocks until the container has ended for good and all its output is in the log.
  Result<ExitStatus> wait(const CancelToken& cancel = {});
  Result<MonitorWatch> watch() const;
  // Kills what is left, removes cgroups and state, ends the monitor.
  Result<> remove();

 private:
  friend class NewMonitor;
  MonitorClient(Path state_dir, int pid) : state_dir_(std::move(state_dir)), pid_(pid) {}
  Result<json::Value> call(const json::Value& request, UniqueFd* stream = nullptr) const;
  Path state_dir_;
  int pid_ = 0;
};

// What the exit file says; kNotFound when the container has not ended.
Result<ExitStatus> read_exit_file(const Path& exit_file);

// Runs `bundle` to its end without a monitor, for build steps: stdout and stderr arrive
// at `output`; `cancel` kills it. `prepare` is called with the created process's pid
// before it starts (to wire its network).
Result<int> run_bundle(const Path& runtime_program, const std::string& id, const Path& bundle,
                       const Path& state_dir, Sink& output,
                       const std::function<Result<>(int pid)>& prepare, const CancelToken& cancel);

}  // namespace skiff::runtime
