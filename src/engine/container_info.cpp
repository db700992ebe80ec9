#include "engine/container_info.h"

#include <array>

#include "base/strings.h"

namespace skiff::engine {

namespace {

struct NamedStatus {
  Status status;
  std::string_view name;
};

constexpr std::array kStatuses = {
    NamedStatus{Status::kCreated, "created"},   NamedStatus{Status::kRunning, "running"},
    NamedStatus{Status::kPaused, "paused"},     NamedStatus{Status::kRestarting, "restarting"},
    NamedStatus{Status::kRemoving, "removing"}, NamedStatus{Status::kExited, "exited"},
    NamedStatus{Status::kDead, "dead"}};

}  // namespace

std::string_view status_name(Status status) {
  for (const NamedStatus& named : kStatuses) {
    if (named.status == status) return named.name;
  }
  return "";
}

std::optional<Status> parse_status(std::string_view name) {
  for (const NamedStatus& named : kStatuses) {
    if (named.name == name) return named.status;
  }
  return std::nullopt;
}

json::Value State::to_json() const {
  json::Value out = json::object({{"Status", status_name(status)},
                                  {"Running", running()},
                                  {"Paused", status == Status::kPaused},
                                  {"Restarting", status == Status::kRestarting},
                                  {"OOMKilled", oom_killed},
                                  {"Dead", status == Status::kDead},
                                  {"Pid", pid},
                                  {"ExitCode", exit_code},
                                  {"Error", error},
                                  {"StartedAt", format_rfc3339(started)},
                                  {"FinishedAt", format_rfc3339(finished)}});
  if (health) {
    json::Array log;
    for (const HealthProbe& probe : health->log) {
      log.push_back(json::object({{"Start", format_rfc3339(probe.start)},
                                  {"End", format_rfc3339(probe.end)},
                                  {"ExitCode", probe.exit_code},
                                  {"Output", probe.output}}));
    }
    out.set("Health", json::object({{"Status", health->status},
                                    {"FailingStreak", health->failing_streak},
                                    {"Log", std::move(log)}}));
  }
  return out;
}

json::Value MountPoint::to_json() const {
  json::Value out = json::object({{"Type", mount_type_name(type)}});
  if (!name.empty()) out.set("Name", name);
  out.set("Source", source);
  out.set("Destination", destination);
  if (!driver.empty()) out.set("Driver", driver);
  out.set("Mode", mode);
  out.set("RW", read_write);
  out.set("Propagation", propagation);
  return out;
}

std::string status_text(const State& state, TimePoint now) {
  switch (state.status) {
    case Status::kRunning:
    case Status::kPaused: {
      std::string text = cat("Up ", human_duration(now - state.started));
      if (state.status == Status::kPaused) return text + " (Paused)";
      if (state.health) {
        text += state.health->status == "starting" ? " (health: starting)"
                                                   : cat(" (", state.health->status, ")");
      }
      return text;
    }
    case Status::kRestarting:
      return cat("Restarting (", state.exit_code, ") ", human_duration(now - state.finished),
                 " ago");
    case Status::kRemoving:
      return "Removal In Progress";
    case Status::kDead:
      return "Dead";
    case Status::kCreated:
      return "Created";
    case Status::kExited:
      return cat("Exited (", state.exit_code, ") ", human_duration(now - state.finished), " ago");
  }
  return "";
}

std::string command_text(const ContainerInfo& info) {
  std::string out = info.path;
  for (const std::string& arg : info.args) {
    bool spaced = arg.find(' ') != std::string::npos;
    out += spaced ? cat(" '", arg, "'") : cat(" ", arg);
  }
  return out;
}

}  // namespace skiff::engine
