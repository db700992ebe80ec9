// Streams: a client's live connection to a container's or an exec session's standard
// streams, and exec itself.
//
//   auto session = TRY(streams.attach(id, options));     // refused before any upgrade
//   Hijacked h = TRY(writer.hijack(kUpgraded));
//   TRY(session->run(*h.stream, h.early_bytes, cancel)); // until the end or a detach
//
// With a terminal the bytes are raw, otherwise output is in Docker's frames (8-byte header:
// stream number, three zeros, big-endian length). Input is raw; the client's end of input
// closes the process's stdin while output goes on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/cancellation.h"
#include "engine/logs.h"
#include "engine/stats.h"
#include "net/stream.h"

namespace skiff::engine {

struct AttachOptions {
  bool want_stdin = false;
  bool want_stdout = false;
  bool want_stderr = false;
  bool logs = false;        // first what the log has, without gap or repeat
  bool stream = true;       // then live
  std::string detach_keys;  // "ctrl-p,ctrl-q"; "" is that default
};

// An attach that is registered: when its container starts later, no byte is missed.
class StreamSession {
 public:
  virtual ~StreamSession() = default;
  virtual bool terminal() const = 0;
  // Carries bytes until the process has ended and all output is sent, the user typed the
  // detach keys, or the client is gone.
  virtual Result<> run(net::Stream& client, std::string early_bytes, const CancelToken& cancel) = 0;
};

struct ExecConfig {
  std::vector<std::string> command;
  std::vector<std::string> env;
  std::string user;
  std::string working_dir;
  std::string detach_keys;
  bool tty = false;
  bool attach_stdin = false;
  bool attach_stdout = false;
  bool attach_stderr = false;
  bool privileged = false;
  int console_height = 0;
  int console_width = 0;
};

struct ExecInfo {
  std::string id;
  std::string container_id;
  ExecConfig config;
  bool running = false;
  std::optional<int> exit_code;  // null while it runs or never ran
  int pid = 0;
};

struct ExecStart {
  bool detach = false;
  bool tty = false;
  int console_height = 0;
  int console_width = 0;
};

struct TopResult {
  std::vector<std::string> titles;
  std::vector<std::vector<std::string>> processes;
};

class Streams {
 public:
  virtual ~Streams() = default;

  virtual Result<std::unique_ptr<StreamSession>> attach(const std::string& container,
                                                        const AttachOptions& options) = 0;
  // Calls `consume` for each entry in order of writing; returns at the end, or with `follow`
  // when the container has ended and all is read.
  virtual Result<> logs(const std::string& container, const LogOptions& options,
                        const LogConsumer& consume, const CancelToken& cancel) = 0;
  virtual Result<> resize(const std::string& container, int height, int width) = 0;
  virtual Result<StatsSample> stats(const std::string& container) = 0;
  // `ps ARGS` on the host, only the lines of the container's processes; "" is "-ef".
  virtual Result<TopResult> top(const std::string& container, const std::string& ps_arguments) = 0;

  // Returns the new session's id. Not running: kFailedPrecondition, "container ID is not running".
  virtual Result<std::string> create_exec(const std::string& container,
                                          const ExecConfig& config) = 0;
  // Checks that the session exists and may start, and claims it. A second start is
  // kFailedPrecondition. The process is started by run() or, detached, by start_exec_detached.
  // run()'s error is the start's failure, and no byte was sent then; the exit code is 126 or 127.
  virtual Result<std::unique_ptr<StreamSession>> start_exec(const std::string& exec_id,
                                                            const ExecStart& options) = 0;
  virtual Result<> start_exec_detached(const std::string& exec_id, const ExecStart& options) = 0;
  virtual Result<ExecInfo> exec_info(const std::string& exec_id) = 0;
  virtual Result<> resize_exec(const std::string& exec_id, int height, int width) = 0;
};

}  // namespace skiff::engine
