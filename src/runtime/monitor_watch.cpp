#include "runtime/monitor_watch.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string_view>

namespace skiff::runtime {

namespace {

constexpr std::array<std::string_view, 4> kStages = {"created", "running", "restarting", "ended"};

}  // namespace

json::Value to_json(const ExitStatus& status) {
  json::Value value = json::object({{"code", status.code},
                                    {"oom_killed", status.oom_killed},
                                    {"by_hand", status.by_hand},
                                    {"finished", format_rfc3339(status.finished)},
                                    {"restarting", status.restarting},
                                    {"restart_count", status.restart_count}});
  if (!status.restart_error.empty()) value.set("restart_error", status.restart_error);
  return value;
}

Result<ExitStatus> exit_status_from(const json::Value& value) {
  ExitStatus status;
  status.code = static_cast<int>(TRY(value.require_int("code")));
  status.oom_killed = value.boolean("oom_killed");
  status.by_hand = value.boolean("by_hand");
  status.finished = TRY(parse_rfc3339(TRY(value.require_string("finished"))));
  status.restarting = value.boolean("restarting");
  status.restart_count = static_cast<int>(value.integer("restart_count"));
  status.restart_error = value.string("restart_error");
  return status;
}

json::Value to_json(const MonitorState& state) {
  json::Value value = json::object({{"stage", kStages.at(static_cast<size_t>(state.stage))},
                                    {"pid", state.pid},
                                    {"started", format_rfc3339(state.started)},
                                    {"restart_count", state.restart_count},
                                    {"oom_kills", state.oom_kills}});
  if (state.exit) value.set("exit", to_json(*state.exit));
  return value;
}

Result<MonitorState> monitor_state_from(const json::Value& value) {
  MonitorState state;
  std::string stage = TRY(value.require_string("stage"));
  for (size_t i = 0; i < kStages.size(); ++i) {
    if (kStages.at(i) == stage) state.stage = static_cast<MonitorState::Stage>(i);
  }
  state.pid = static_cast<int>(value.integer("pid"));
  state.started = TRY(parse_rfc3339(TRY(value.require_string("started"))));
  state.restart_count = static_cast<int>(value.integer("restart_count"));
  state.oom_kills = static_cast<uint64_t>(value.integer("oom_kills"));
  if (const json::Value* exit = value.find("exit")) state.exit = TRY(exit_status_from(*exit));
  return state;
}

std::vector<MonitorState> MonitorWatch::read() {
  std::array<char, 4096> buffer;
  for (;;) {
    ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n <= 0) {
      over_ = true;
      break;
    }
    received_.append(buffer.data(), static_cast<size_t>(n));
  }
  std::vector<MonitorState> states;
  for (size_t end = 0; (end = received_.find('\n')) != std::string::npos;) {
    Result<json::Value> line = json::parse(std::string_view(received_).substr(0, end));
    received_.erase(0, end + 1);
    Result<MonitorState> state =
        line ? monitor_state_from(*line) : Result<MonitorState>(line.error());
    if (state) states.push_back(std::move(*state));
    // Another's words: what there is to know is asked for anew.
    if (!state) over_ = true;
  }
  return states;
}

}  // namespace skiff::runtime
