#include "runtime/monitor_protocol.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "base/strings.h"

namespace skiff::runtime {

namespace {

Error ended() { return {Code::kUnavailable, "the monitor has ended"}; }

Code code_named(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(Code::kUnauthenticated); ++i) {
    if (code_name(static_cast<Code>(i)) == name) return static_cast<Code>(i);
  }
  return Code::kUnknown;
}

Result<> wait_readable(int socket, const CancelToken& cancel) {
  std::array<pollfd, 2> fds{{{socket, POLLIN, 0}, {cancel.fd(), POLLIN, 0}}};
  while (::poll(fds.data(), fds.size(), -1) < 0) {
    if (errno != EINTR) return Error::from_errno(errno, "wait for the monitor");
  }
  return fds[1].revents != 0 ? cancel.check() : Result<>();
}

// Takes exactly what was peeked at.
Result<> consume(int socket, size_t size) {
  std::array<char, 4096> buffer;
  ssize_t n = ::recv(socket, buffer.data(), size, MSG_WAITALL);
  return n == static_cast<ssize_t>(size) ? Result<>() : Result<>(ended());
}

}  // namespace

Result<> send_line(int socket, const json::Value& value) {
  std::string text = value.dump() + "\n";
  std::string_view rest = text;
  while (!rest.empty()) {
    ssize_t n = ::send(socket, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::from_errno(errno, "write to the monitor");
    rest.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Result<json::Value> receive_line(int socket, const CancelToken& cancel) {
  std::string line;
  while (line.size() <= kLongestLine) {
    TRY(wait_readable(socket, cancel));
    std::array<char, 4096> buffer;
    ssize_t n = ::recv(socket, buffer.data(), buffer.size(), MSG_PEEK);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != ECONNRESET) return Error::from_errno(errno, "read from the monitor");
    if (n <= 0) return ended();
    std::string_view seen(buffer.data(), static_cast<size_t>(n));
    size_t end = seen.find('\n');
    std::string_view part = seen.substr(0, end);
    line.append(part);
    TRY(consume(socket, part.size() + (end == std::string_view::npos ? 0 : 1)));
    if (end != std::string_view::npos) return json::parse(line);
  }
  return Error(Code::kInvalidArgument, "a line of the monitor's protocol is too long");
}

Result<json::Value> receive_answer(int socket, const CancelToken& cancel) {
  json::Value answer = TRY(receive_line(socket, cancel));
  const json::Value* error = answer.find("error");
  if (error == nullptr) return answer;
  return Error(code_named(error->string("code")), error->string("message"));
}

json::Value error_answer(const Error& error) {
  return json::object(
      {{"error", json::object({{"code", code_name(error.code())}, {"message", error.message()}})}});
}

json::Value to_json(const RestartPolicy& policy) {
  return json::object({{"policy", policy.name}, {"max_retries", policy.max_retries}});
}

RestartPolicy restart_policy_from(const json::Value& v) {
  return {.name = v.string("policy"), .max_retries = static_cast<int>(v.integer("max_retries"))};
}

json::Value to_json(const HealthCheck& check) {
  return json::object({{"command", check.command},
                       {"interval_ms", check.interval.count()},
                       {"timeout_ms", check.timeout.count()},
                       {"start_period_ms", check.start_period.count()},
                       {"start_interval_ms", check.start_interval.count()},
                       {"retries", check.retries}});
}

HealthCheck health_check_from(const json::Value& v) {
  auto time = [&](const char* name) { return std::chrono::milliseconds(v.integer(name)); };
  HealthCheck check;
  check.command = v.strings("command");
  check.interval = time("interval_ms");
  check.timeout = time("timeout_ms");
  check.start_period = time("start_period_ms");
  check.start_interval = time("start_interval_ms");
  check.retries = static_cast<int>(v.integer("retries"));
  return check;
}

json::Value to_json(const SharedMemory& shm) {
  return json::object({{"path", shm.path.native()},
                       {"bytes", shm.bytes},
                       {"uid", int64_t{shm.uid}},
                       {"gid", int64_t{shm.gid}},
                       {"label", shm.label}});
}

SharedMemory shared_memory_from(const json::Value& v) {
  return {.path = v.string("path"),
          .bytes = v.integer("bytes"),
          .uid = static_cast<uint32_t>(v.integer("uid")),
          .gid = static_cast<uint32_t>(v.integer("gid")),
          .label = v.string("label")};
}

json::Value to_json(const MonitorOptions& o) {
  json::Value joined = json::object();
  for (const auto& [kind, state] : o.joined) joined.set(kind, state.native());
  json::Value value = json::object({{"container_id", o.container_id},
                                    {"bundle", o.bundle.native()},
                                    {"state_dir", o.state_dir.native()},
                                    {"seccomp_dir", o.seccomp_dir.native()},
                                    {"exit_file", o.exit_file.native()},
                                    {"log_file", o.log_file.native()},
                                    {"log_driver", o.log_driver},
                                    {"log_attributes", o.log_attributes},
                                    {"journal_fields", o.journal_fields},
                                    {"open_stdin", o.open_stdin},
                                    {"stdin_once", o.stdin_once},
                                    {"terminal", o.terminal},
                                    {"log_max_bytes", o.log_max_bytes},
                                    {"log_max_files", o.log_max_files},
                                    {"log_compressed", o.log_compressed},
                                    {"restart", to_json(o.restart)},
                                    {"restart_count", o.restart_count},
                                    {"joined", std::move(joined)}});
  if (o.health) value.set("health", to_json(*o.health));
  if (o.shm) value.set("shm", to_json(*o.shm));
  return value;
}

MonitorOptions monitor_options_from(const json::Value& v) {
  MonitorOptions o;
  o.container_id = v.string("container_id");
  o.bundle = v.string("bundle");
  o.state_dir = v.string("state_dir");
  o.seccomp_dir = v.string("seccomp_dir");
  o.exit_file = v.string("exit_file");
  o.log_file = v.string("log_file");
  o.log_driver = v.string("log_driver");
  o.log_attributes = v.string_map("log_attributes");
  o.journal_fields = v.string_map("journal_fields");
  o.open_stdin = v.boolean("open_stdin");
  o.stdin_once = v.boolean("stdin_once");
  o.terminal = v.boolean("terminal");
  o.log_max_bytes = static_cast<uint64_t>(v.integer("log_max_bytes"));
  o.log_max_files = static_cast<int>(v.integer("log_max_files"));
  o.log_compressed = v.boolean("log_compressed");
  if (const json::Value* restart = v.find("restart")) o.restart = restart_policy_from(*restart);
  o.restart_count = static_cast<int>(v.integer("restart_count"));
  for (const auto& [kind, state] : v.string_map("joined")) o.joined[kind] = state;
  if (const json::Value* health = v.find("health")) o.health = health_check_from(*health);
  if (const json::Value* shm = v.find("shm")) o.shm = shared_memory_from(*shm);
  return o;
}

json::Value to_json(const ResolvedUser& user) {
  json::Array gids;
  for (const uint32_t gid : user.additional_gids) gids.emplace_back(int64_t{gid});
  return json::object({{"uid", int64_t{user.uid}},
                       {"gid", int64_t{user.gid}},
                       {"additional_gids", std::move(gids)},
                       {"home", user.home}});
}

ResolvedUser resolved_user_from(const json::Value& v) {
  ResolvedUser user;
  user.uid = static_cast<uint32_t>(v.integer("uid"));
  user.gid = static_cast<uint32_t>(v.integer("gid"));
  for (const json::Value& gid : v.array("additional_gids")) {
    user.additional_gids.push_back(static_cast<uint32_t>(gid.as_int()));
  }
  user.home = v.string("home");
  return user;
}

json::Value to_json(const ExecSpec& s) {
  return json::object({{"args", s.args},
                       {"env", s.env},
                       {"working_dir", s.working_dir},
                       {"user", s.user},
                       {"terminal", s.terminal},
                       {"attach_stdin", s.attach_stdin},
                       {"attach_stdout", s.attach_stdout},
                       {"attach_stderr", s.attach_stderr},
                       {"privileged", s.privileged},
                       {"console_height", s.console_height},
                       {"console_width", s.console_width},
                       {"record", s.record}});
}

ExecSpec exec_spec_from(const json::Value& v) {
  ExecSpec s;
  s.args = v.strings("args");
  s.env = v.strings("env");
  s.working_dir = v.string("working_dir");
  s.user = v.string("user");
  s.terminal = v.boolean("terminal");
  s.attach_stdin = v.boolean("attach_stdin");
  s.attach_stdout = v.boolean("attach_stdout");
  s.attach_stderr = v.boolean("attach_stderr");
  s.privileged = v.boolean("privileged");
  s.console_height = static_cast<int>(v.integer("console_height"));
  s.console_width = static_cast<int>(v.integer("console_width"));
  s.record = v.string("record");
  return s;
}

json::Value to_json(const ExecReport& report) {
  json::Value value = json::object(
      {{"id", report.id}, {"pid", report.pid}, {"told", report.told}, {"record", report.record}});
  if (!report.code) return value;
  value.set("code", *report.code);
  value.set("finished", format_rfc3339(report.finished));
  return value;
}

Result<ExecReport> exec_report_from(const json::Value& v) {
  ExecReport report{.id = TRY(v.require_string("id")),
                    .pid = static_cast<int>(v.integer("pid")),
                    .code = {},
                    .finished = {},
                    .told = v.boolean("told"),
                    .record = v.string("record")};
  if (v.find("code") == nullptr) return report;
  report.code = static_cast<int>(v.integer("code"));
  report.finished = TRY(parse_rfc3339(v.string("finished")));
  return report;
}

}  // namespace skiff::runtime
