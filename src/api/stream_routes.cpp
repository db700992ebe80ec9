// A container's streams: attach, logs, stats, top, resize (engine-api.md 2.2).
#include <poll.h>

#include <chrono>

#include "api/container_json.h"
#include "api/hijack.h"
#include "api/router.h"
#include "base/strings.h"
#include "engine/log_drivers.h"

namespace skiff::api {

namespace {

engine::Streams& streams(const Call& call) { return call.context.engine.streams(); }

Result<> attach_container(Call& call) {
  engine::AttachOptions options;
  options.want_stdin = call.flag("stdin");
  options.want_stdout = call.flag("stdout");
  options.want_stderr = call.flag("stderr");
  options.logs = call.flag("logs");
  options.stream = call.flag("stream");
  options.detach_keys = call.arg("detachKeys");
  auto session = TRY(streams(call).attach(call.name, options));
  auto connection = TRY(hijack(call, session->terminal()));
  return session->run(*connection.stream, std::move(connection.early_bytes), {});
}

Result<engine::LogOptions> log_options(const Call& call) {
  engine::LogOptions options;
  options.want_stdout = call.flag("stdout");
  options.want_stderr = call.flag("stderr");
  if (!options.want_stdout && !options.want_stderr) {
    return Error(Code::kInvalidArgument, "Bad parameters: you must choose at least one stream");
  }
  options.follow = call.flag("follow");
  options.tail = parse_uint(call.arg("tail"));  // none for "all"
  TimePoint now = call.context.clock.now();
  if (auto since = call.arg("since"); !since.empty() && since != "0") {
    options.since = TRY(engine::parse_time_argument(since, now));
  }
  if (auto until = call.arg("until"); !until.empty() && until != "0") {
    options.until = TRY(engine::parse_time_argument(until, now));
  }
  return options;
}

Result<> container_logs(Call& call) {
  auto options = TRY(log_options(call));
  auto info = TRY(call.context.engine.containers().get(call.name));
  TRY(engine::check_has_logs(info.host_config.log_driver));
  bool timestamps = call.flag("timestamps");
  bool details = call.flag("details");
  call.writer.headers().set("Content-Type", std::string(stream_type(call, info.config.tty)));
  TRY(call.writer.begin(200));
  auto consume = [&](const engine::LogEntry& entry) {
    std::string text = engine::format_log_entry(entry, timestamps, details);
    if (info.config.tty) return call.writer.write(text);
    return call.writer.write(frame(static_cast<int>(entry.stream), text));
  };
  auto read = streams(call).logs(info.id, options, consume, call.writer.client_gone());
  if (!read && read.error().code() != Code::kCancelled) {
    TRY(call.writer.write(frame(kSystemErrorStream, read.error().message() + "\n")));
  }
  return call.writer.finish();
}

// Waits `duration` or until `cancel`; false when cancelled.
bool pause_for(std::chrono::milliseconds duration, const CancelToken& cancel) {
  pollfd waiting{cancel.fd(), POLLIN, 0};
  ::poll(&waiting, 1, static_cast<int>(duration.count()));
  return !cancel.cancelled();
}

Result<> container_stats(Call& call) {
  constexpr auto kInterval = std::chrono::milliseconds(1000);
  auto info = TRY(call.context.engine.containers().get(call.name));
  engine::StatsSample before;
  engine::StatsSample now = TRY(streams(call).stats(info.id));
  bool stream = call.flag("stream", true);
  if (!stream && call.flag("one-shot")) return call.reply(200, stats_json(info, now, before));
  CancelToken gone = call.writer.client_gone();
  if (!stream) {
    if (now.running && !pause_for(kInterval, gone)) return {};
    before = now;
    return call.reply(200, stats_json(info, TRY(streams(call).stats(info.id)), before));
  }
  call.writer.headers().set("Content-Type", "application/json");
  TRY(call.writer.begin(200));
  for (;;) {
    TRY(call.writer.write(stats_json(info, now, before).dump() + "\n"));
    if (!pause_for(kInterval, gone)) return {};
    before = now;
    auto sample = streams(call).stats(info.id);
    if (!sample) return call.writer.finish();  // removed meanwhile
    now = std::move(*sample);
  }
}

Result<> container_top(Call& call) {
  auto top = TRY(streams(call).top(call.name, call.arg("ps_args")));
  json::Array processes;
  for (const auto& row : top.processes) processes.emplace_back(row);
  return call.reply(200,
                    json::object({{"Processes", std::move(processes)}, {"Titles", top.titles}}));
}

Result<> resize_container(Call& call) {
  TRY(streams(call).resize(call.name, TRY(int_argument(call, "h", 0)),
                           TRY(int_argument(call, "w", 0))));
  return call.reply_empty(200);
}

constexpr Route kStreamRoutes[] = {
    {"POST", "/containers/*/attach", attach_container},
    {"GET", "/containers/*/logs", container_logs},
    {"GET", "/containers/*/stats", container_stats},
    {"GET", "/containers/*/top", container_top},
    {"POST", "/containers/*/resize", resize_container},
};

}  // namespace

std::span<const Route> stream_routes() { return kStreamRoutes; }

}  // namespace skiff::api
