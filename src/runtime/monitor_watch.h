// MonitorWatch: a monitor's states as they come, for one epoll over many containers. Each state
// is whole: one that is missed is made up for by the next.
//
//   MonitorWatch watch = TRY(monitor.watch());
//   ... apply watch.now(); poll watch.fd() ...
//   for (const MonitorState& state : watch.read()) apply(state);
//   if (watch.over()) ...           // ended, or the monitor let us go or died: ask it anew
//
// Thread-compatible.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "codec/json.h"

namespace skiff::runtime {

// How a run of the container ended.
struct ExitStatus {
  int code = 0;  // 128 + signal where a signal ended it
  bool oom_killed = false;
  bool by_hand = false;  // a client had sent a signal, or asked for the end
  TimePoint finished;
  bool restarting = false;    // another run follows
  int restart_count = 0;      // with that one
  std::string restart_error;  // why another run could not follow
};

// What a monitor does at one moment.
struct MonitorState {
  enum class Stage { kCreated, kRunning, kRestarting, kEnded };

  Stage stage = Stage::kCreated;
  int pid = 0;        // of the container's init; 0 where there is none
  TimePoint started;  // of the last run
  int restart_count = 0;
  uint64_t oom_kills = 0;          // processes of this run that the kernel killed
  std::optional<ExitStatus> exit;  // of the last run that has ended
};

// The words for them on the socket; the exit is also what the exit file holds.
json::Value to_json(const ExitStatus& status);
Result<ExitStatus> exit_status_from(const json::Value& value);
json::Value to_json(const MonitorState& state);
Result<MonitorState> monitor_state_from(const json::Value& value);

class MonitorWatch {
 public:
  MonitorWatch(UniqueFd socket, MonitorState now)
      : socket_(std::move(socket)), now_(std::move(now)) {}

  int fd() const { return socket_.get(); }  // readable when there is news
  // The state when the watch began.
  const MonitorState& now() const { return now_; }
  // What has come since, without waiting.
  std::vector<MonitorState> read();
  // Nothing more will come.
  bool over() const { return over_; }

 private:
  UniqueFd socket_;
  MonitorState now_;
  std::string received_;  // the beginning of a line
  bool over_ = false;
};

}  // namespace skiff::runtime
