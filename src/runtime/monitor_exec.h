// ExecSessions: the further processes that clients start in a container, their streams and
// their exit codes. Thread-compatible.
#pragma once

#include <map>
#include <memory>

#include "runtime/container.h"
#include "runtime/monitor_client.h"
#include "runtime/monitor_io.h"
#include "runtime/monitor_requests.h"

namespace skiff::runtime {

// The process that `spec` asks for: what it does not say is as in the container's own.
Result<OciProcess> make_exec_process(const OciConfig& config, const ExecSpec& spec);

class ExecSessions {
 public:
  // `on_idle` is called when a session's last client has gone.
  ExecSessions(EventLoop& loop, Path overflow_dir, std::function<void()> on_idle)
      : loop_(loop), overflow_dir_(std::move(overflow_dir)), on_idle_(std::move(on_idle)) {}

  // Starts the process, answers with its pid, and makes the connection its stream. The
  // connection is left alone on failure.
  Result<> start(Container& container, Request& request);
  Result<> resize(const std::string& id, int height, int width);
  // Answers when the process has ended and its output is read; takes the connection unless it
  // fails.
  Result<> wait(const std::string& id, UniqueFd& socket);
  // Those that run, and those that ended after that time.
  std::vector<std::string> ids(TimePoint ended_after) const;
  Result<ExecReport> report(const std::string& id) const;
  // False when `pid` is none of ours.
  bool child_ended(int pid, int code);
  // Whether clients still have output to take.
  bool has_clients() const;

 private:
  struct Session {
    explicit Session(EventLoop& loop) : waiting(loop) {}
    std::unique_ptr<ProcessIo> io;
    int pid = 0;
    std::optional<int> ended;  // the process's code
    std::optional<int> code;   // the same, once all output is read
    uint64_t number = 0;       // order of the starts
    TimePoint finished;
    bool told = false;  // the code
    std::string record;
    WaitingClients waiting;
  };
  Result<std::unique_ptr<Session>> launch(Container& container, const std::string& id,
                                          const ExecSpec& spec);
  void finish(Session& session);
  void tidy();

  EventLoop& loop_;
  Path overflow_dir_;
  std::function<void()> on_idle_;
  std::map<std::string, std::unique_ptr<Session>> sessions_;
  uint64_t next_number_ = 1;
  bool tidying_ = false;
};

}  // namespace skiff::runtime
