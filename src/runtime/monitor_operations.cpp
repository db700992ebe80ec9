// ContainerMonitor: what clients ask.
#include <unistd.h>

#include <csignal>

#include "base/strings.h"
#include "codec/base64.h"
#include "runtime/monitor_protocol.h"
#include "runtime/monitor_server.h"
#include "runtime/replace_file.h"
#include "runtime/state_file.h"

namespace skiff::runtime {

namespace {

// How long a removal waits for the container's end.
constexpr std::chrono::seconds kKillPatience{20};

json::Value done() { return json::object(); }

}  // namespace

Result<json::Value> ContainerMonitor::info(const json::Value&) {
  json::Value answer = to_json(state());
  answer.set("monitor_pid", ::getpid());
  return answer;
}

// Who had it created goes, and the container stays as it is.
Result<json::Value> ContainerMonitor::keep(const json::Value&) { return done(); }

Result<json::Value> ContainerMonitor::stop(const json::Value& asked) {
  if (stage_ == Stage::kEnded && recorded_) return not_running();
  int signal = static_cast<int>(TRY(asked.require_int("signal")));
  stopping_ = true;
  if (asked.boolean("by_hand")) exit_.by_hand = true;
  if (stage_ == Stage::kRestarting) call_off_restart();
  if (!has_process()) return done();
  Result<> sent = container_->kill(signal);
  // A frozen process takes a signal only when it thaws.
  if (container_->cgroup().frozen()) report(container_->cgroup().thaw());
  if (asked.find("timeout_ms") == nullptr) {
    TRY(std::move(sent));
  } else {
    // A signal that cannot be sent gives nothing to wait for.
    kill_after(std::chrono::milliseconds(sent ? asked.integer("timeout_ms") : 0));
  }
  return done();
}

Result<json::Value> ContainerMonitor::pause(const json::Value&) {
  TRY(check_not_ended());
  TRY(container_->pause());
  return done();
}

Result<json::Value> ContainerMonitor::resume(const json::Value&) {
  TRY(check_not_ended());
  TRY(container_->resume());
  return done();
}

Result<json::Value> ContainerMonitor::update(const json::Value& asked) {
  const json::Value& resources = *TRY(asked.require_object("resources"));
  if (has_process()) TRY(container_->update(resources));
  TRY(update_bundle(resources));
  if (const json::Value* restart = asked.find("restart")) {
    options_.restart = restart_policy_from(*restart);
  }
  return done();
}

// For later runs. Each group of limits is whole.
Result<> ContainerMonitor::update_bundle(const json::Value& resources) {
  Path file = options_.bundle / kConfigFile;
  json::Value config = TRY_CONTEXT(json::parse(TRY(read_file(file))), file.native());
  json::Value lx = config.object("linux");
  json::Value merged = lx.object("resources");
  for (const auto& [name, value] : resources.as_object()) merged.set(name, value);
  lx.set("resources", std::move(merged));
  config.set("linux", std::move(lx));
  return replace_file(file, config.dump());
}

Result<json::Value> ContainerMonitor::resize(const json::Value& asked) {
  TRY(io_->resize(static_cast<int>(asked.integer("height")),
                  static_cast<int>(asked.integer("width"))));
  return done();
}

Result<json::Value> ContainerMonitor::resize_exec(const json::Value& asked) {
  TRY(execs_.resize(asked.string("id"), static_cast<int>(asked.integer("height")),
                    static_cast<int>(asked.integer("width"))));
  return done();
}

Result<json::Value> ContainerMonitor::execs(const json::Value& asked) {
  const TimePoint after = TRY(parse_rfc3339(TRY(asked.require_string("ended_after"))));
  return json::object({{"ids", execs_.ids(after)}});
}

Result<json::Value> ContainerMonitor::exec_info(const json::Value& asked) {
  return to_json(TRY(execs_.report(asked.string("id"))));
}

Result<> ContainerMonitor::start(Request& request) {
  TRY(check_not_ended());
  if (stage_ == Stage::kRunning) {
    return Error(Code::kFailedPrecondition,
                 cat("container ", options_.container_id, " is running already"));
  }
  TRY(container_->start());
  begin_run();
  return watch(request);
}

Result<> ContainerMonitor::attach(Request& request) {
  json::Value answer = request.asked.boolean("with_log") ? log_position() : json::object();
  io_->add_client(std::move(request.socket), {.wants_stdin = request.asked.boolean("stdin"),
                                              .greeting = answer.dump() + "\n",
                                              .early_input = std::move(request.early_input)});
  return {};
}

// Where the log ends now, and the output that waits for the end of its line.
json::Value ContainerMonitor::log_position() const {
  if (!log_) return json::object({{"log_inode", 0}, {"log_offset", 0}, {"pending", ""}});
  std::string pending;
  for (OutputStream stream : {OutputStream::kStdout, OutputStream::kStderr}) {
    const std::string& text = log_->pending(stream);
    if (text.empty()) continue;
    pending += options_.terminal ? text : make_output_frame(static_cast<int>(stream), text);
  }
  return json::object({{"log_inode", log_->inode()},
                       {"log_offset", log_->size()},
                       {"pending", base64_encode(pending)}});
}

Result<> ContainerMonitor::exec(Request& request) {
  if (stage_ != Stage::kRunning) return not_running();
  if (container_->cgroup().frozen()) {
    return Error(Code::kFailedPrecondition, cat("Container ", options_.container_id,
                                                " is paused, unpause the container before exec"));
  }
  return execs_.start(*container_, request);
}

Result<> ContainerMonitor::wait(Request& request) {
  if (recorded_ && stage_ == Stage::kEnded) {
    send_answer(request.socket.get(), to_json(exit_));
  } else {
    waiting_.add(std::move(request.socket));
  }
  return {};
}

Result<> ContainerMonitor::wait_exec(Request& request) {
  return execs_.wait(request.asked.string("id"), request.socket);
}

Result<> ContainerMonitor::watch(Request& request) {
  send_answer(request.socket.get(), to_json(state()));
  if (!recorded_ || stage_ != Stage::kEnded) watching_.add(std::move(request.socket));
  return {};
}

// Kills, and removes once the init has ended: that it waits for, as the kernel does not let it
// go before the processes of exec sessions, its fellows, are reaped here.
Result<> ContainerMonitor::remove_and_end(Request& request) {
  removing_.add(std::move(request.socket));
  if (!has_process()) {
    finish_removal();
    return {};
  }
  removal_asked_ = true;
  report(container_->kill(SIGKILL));
  report(container_->cgroup().kill_all());
  loop_.call_after(kKillPatience, [this] {
    if (!has_process()) return;
    removing_.answer_all(error_answer(Error(
        Code::kDeadlineExceeded,
        cat("container ", options_.container_id, ": its process does not end after SIGKILL"))));
  });
  return {};
}

void ContainerMonitor::finish_removal() {
  Result<> removed = remove();
  // The hang-up that follows tells the monitor's end.
  removing_.tell_all(removed ? done() : error_answer(removed.error()));
  end_if_done();
}

Result<> ContainerMonitor::check_not_ended() const {
  if (has_process() && !removed_) return {};
  return not_running();
}

Error ContainerMonitor::not_running() const {
  return {Code::kFailedPrecondition, cat("container ", options_.container_id, " is not running")};
}

}  // namespace skiff::runtime
