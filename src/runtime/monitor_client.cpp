#include "runtime/monitor_client.h"

#include <sys/socket.h>

#include "base/strings.h"
#include "codec/base64.h"
#include "runtime/monitor_protocol.h"
#include "runtime/new_monitor.h"
#include "sys/unix_socket.h"

namespace skiff::runtime {

namespace {

json::Value request(const char* operation) { return json::object({{"op", operation}}); }

// A connection to the monitor; kNotFound when none listens.
Result<UniqueFd> reach(const Path& state_dir) {
  Result<UniqueFd> socket = sys::connect_unix(state_dir / kMonitorSocket);
  if (!socket && socket.error().code() == Code::kUnavailable) {
    return Error(Code::kNotFound, cat("no monitor listens in ", state_dir.native()));
  }
  return socket;
}

Result<json::Value> ask(int socket, const json::Value& asked, const CancelToken& cancel) {
  TRY(send_line(socket, asked));
  return receive_answer(socket, cancel);
}

Result<json::Value> exchange(const Path& state_dir, const json::Value& asked, UniqueFd* stream,
                             const CancelToken& cancel) {
  UniqueFd socket = TRY(reach(state_dir));
  auto answer = ask(socket.get(), asked, cancel);
  if (!answer && answer.error().code() == Code::kUnavailable) {
    // A killed monitor's socket takes connections until the kernel has closed it, too.
    TRY(reach(state_dir));
  }
  if (answer && stream != nullptr) *stream = std::move(socket);
  return answer;
}

json::Value resize_request(const char* operation, int height, int width) {
  json::Value asked = request(operation);
  asked.set("height", height);
  asked.set("width", width);
  return asked;
}

}  // namespace

Result<MonitorClient> MonitorClient::spawn(const Path& program, const MonitorOptions& options) {
  NewMonitor fresh = TRY(NewMonitor::begin(program));
  TRY(fresh.begin_creation(options));
  fresh.give_root();
  MonitorClient monitor = TRY(fresh.created());
  TRY(fresh.keep());
  return monitor;
}

Result<MonitorClient> MonitorClient::connect(const Path& state_dir) {
  json::Value answer = TRY(exchange(state_dir, request("info"), nullptr, {}));
  return MonitorClient(state_dir, static_cast<int>(answer.integer("pid")));
}

Result<json::Value> MonitorClient::call(const json::Value& asked, UniqueFd* stream) const {
  return exchange(state_dir_, asked, stream, {});
}

Result<> MonitorClient::start() {
  TRY(call(request("start")));
  return {};
}

Result<> MonitorClient::stop(const StopRequest& how) {
  json::Value asked = request("stop");
  asked.set("signal", how.signal);
  if (how.timeout) asked.set("timeout_ms", how.timeout->count());
  asked.set("by_hand", how.by_hand);
  TRY(call(asked));
  return {};
}

Result<> MonitorClient::pause() {
  TRY(call(request("pause")));
  return {};
}

Result<> MonitorClient::resume() {
  TRY(call(request("resume")));
  return {};
}

Result<> MonitorClient::update(const json::Value& oci_resources,
                               const std::optional<RestartPolicy>& restart) {
  json::Value asked = request("update");
  asked.set("resources", oci_resources);
  if (restart) asked.set("restart", to_json(*restart));
  TRY(call(asked));
  return {};
}

Result<> MonitorClient::resize(int height, int width) {
  TRY(call(resize_request("resize", height, width)));
  return {};
}

Result<UniqueFd> MonitorClient::attach(bool stdin_too) {
  json::Value asked = request("attach");
  asked.set("stdin", stdin_too);
  UniqueFd stream;
  TRY(call(asked, &stream));
  return stream;
}

Result<AttachedWithLog> MonitorClient::attach_with_log(bool stdin_too) {
  json::Value asked = request("attach");
  asked.set("stdin", stdin_too);
  asked.set("with_log", true);
  AttachedWithLog attached;
  json::Value answer = TRY(call(asked, &attached.stream));
  attached.log_inode = static_cast<uint64_t>(answer.integer("log_inode"));
  attached.log_offset = static_cast<uint64_t>(answer.integer("log_offset"));
  attached.pending = TRY(base64_decode(answer.string("pending")));
  return attached;
}

Result<ExecSession> MonitorClient::exec(const std::string& exec_id, const ExecSpec& spec) {
  json::Value asked = request("exec");
  asked.set("id", exec_id);
  asked.set("spec", to_json(spec));
  UniqueFd stream;
  json::Value answer = TRY(call(asked, &stream));
  bool attached = spec.attach_stdin || spec.attach_stdout || spec.attach_stderr;
  if (!attached) stream.reset();
  return ExecSession{exec_id, static_cast<int>(answer.integer("pid")), std::move(stream)};
}

Result<> MonitorClient::resize_exec(const std::string& exec_id, int height, int width) {
  json::Value asked = resize_request("resize_exec", height, width);
  asked.set("id", exec_id);
  TRY(call(asked));
  return {};
}

Result<int> MonitorClient::wait_exec(const std::string& exec_id, const CancelToken& cancel) {
  json::Value asked = request("wait_exec");
  asked.set("id", exec_id);
  json::Value answer = TRY(exchange(state_dir_, asked, nullptr, cancel));
  return static_cast<int>(TRY(answer.require_int("code")));
}

Result<std::vector<ExecReport>> MonitorClient::execs(TimePoint ended_after) const {
  json::Value asked = request("execs");
  asked.set("ended_after", format_rfc3339(ended_after));
  const json::Value found = TRY(call(asked));
  std::vector<ExecReport> reports;
  for (const std::string& id : found.strings("ids")) {
    json::Value one = request("exec_info");
    one.set("id", id);
    Result<json::Value> answer = call(one);
    // It has been forgotten meanwhile.
    if (!answer && answer.error().code() == Code::kNotFound) continue;
    reports.push_back(TRY(exec_report_from(TRY(std::move(answer)))));
  }
  return reports;
}

Result<ExitStatus> MonitorClient::wait(const CancelToken& cancel) {
  return exit_status_from(TRY(exchange(state_dir_, request("wait"), nullptr, cancel)));
}

Result<MonitorState> MonitorClient::state() const {
  return monitor_state_from(TRY(call(request("info"))));
}

Result<MonitorWatch> MonitorClient::watch() const {
  UniqueFd stream;
  json::Value answer = TRY(call(request("watch"), &stream));
  MonitorState now = TRY(monitor_state_from(answer));
  return MonitorWatch(std::move(stream), std::move(now));
}

Result<> MonitorClient::remove() {
  UniqueFd stream;
  TRY(call(request("remove"), &stream));
  // The monitor hangs up when it ends, or only waits for clients to take the last output.
  Result<json::Value> rest = receive_line(stream.get());
  if (!rest && rest.error().code() != Code::kUnavailable) return std::move(rest.error());
  return {};
}

Result<ExitStatus> read_exit_file(const Path& exit_file) {
  json::Value value = TRY_CONTEXT(json::parse(TRY(read_file(exit_file))), exit_file.native());
  return TRY_CONTEXT(exit_status_from(value), exit_file.native());
}

}  // namespace skiff::runtime
