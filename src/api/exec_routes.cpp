// Exec sessions (engine-api.md 2.2, point 13).
#include "api/body_types.h"
#include "api/hijack.h"
#include "api/router.h"
#include "base/strings.h"

namespace skiff::api {

namespace {

// ConsoleSize is [height, width].
std::pair<int, int> console_size(const json::Value& body) {
  const json::Array& size = body.array("ConsoleSize");
  if (size.size() != 2) return {0, 0};
  return {static_cast<int>(size[0].as_int()), static_cast<int>(size[1].as_int())};
}

Result<> create_exec(Call& call) {
  json::Value body = TRY(call.json_body(exec_types()));
  TRY(check_words(body));
  engine::ExecConfig config;
  config.command = body.strings("Cmd");
  if (config.command.empty()) return Error(Code::kInvalidArgument, "No exec command specified");
  config.env = body.strings("Env");
  config.user = body.string("User");
  config.working_dir = body.string("WorkingDir");
  config.detach_keys = body.string("DetachKeys");
  config.tty = body.boolean("Tty");
  config.attach_stdin = body.boolean("AttachStdin");
  config.attach_stdout = body.boolean("AttachStdout");
  config.attach_stderr = body.boolean("AttachStderr");
  config.privileged = body.boolean("Privileged");
  std::tie(config.console_height, config.console_width) = console_size(body);
  auto id = TRY(call.context.engine.streams().create_exec(call.name, config));
  return call.reply(201, json::object({{"Id", id}}));
}

Result<> start_exec(Call& call) {
  auto& streams = call.context.engine.streams();
  json::Value body = TRY(call.json_body(exec_types()));
  engine::ExecStart options;
  options.detach = body.boolean("Detach");
  options.tty = body.boolean("Tty");
  std::tie(options.console_height, options.console_width) = console_size(body);
  if (options.detach) {
    TRY(streams.start_exec_detached(call.name, options));
    return call.reply_empty(200);
  }
  auto session = TRY(streams.start_exec(call.name, options));
  bool terminal = session->terminal();
  auto connection = TRY(hijack(call, terminal));
  auto ran = session->run(*connection.stream, std::move(connection.early_bytes), {});
  if (ran || ran.error().code() == Code::kCancelled) return {};
  // The upgrade is done: the failure is text in the stream, the exit code tells the rest.
  std::string text = ran.error().message() + "\r\n";
  return connection.stream->write(terminal ? text : frame(kStdoutStream, text));
}

Result<> inspect_exec(Call& call) {
  auto info = TRY(call.context.engine.streams().exec_info(call.name));
  const auto& command = info.config.command;
  std::vector<std::string> arguments(command.begin() + (command.empty() ? 0 : 1), command.end());
  json::Value process = json::object({{"tty", info.config.tty},
                                      {"entrypoint", command.empty() ? "" : command.front()},
                                      {"arguments", arguments},
                                      {"privileged", info.config.privileged}});
  if (!info.config.user.empty()) process.set("user", info.config.user);
  return call.reply(
      200,
      json::object({{"ID", info.id},
                    {"Running", info.running},
                    {"ExitCode", info.exit_code ? json::Value(*info.exit_code) : json::Value()},
                    {"ProcessConfig", process},
                    {"OpenStdin", info.config.attach_stdin},
                    {"OpenStderr", info.config.attach_stderr},
                    {"OpenStdout", info.config.attach_stdout},
                    {"CanRemove", !info.running},
                    {"ContainerID", info.container_id},
                    {"DetachKeys", info.config.detach_keys},
                    {"Pid", info.pid}}));
}

Result<> resize_exec(Call& call) {
  TRY(call.context.engine.streams().resize_exec(call.name, TRY(int_argument(call, "h", 0)),
                                                TRY(int_argument(call, "w", 0))));
  return call.reply_empty(200);
}

constexpr Route kExecRoutes[] = {
    {"POST", "/containers/*/exec", create_exec},
    {"POST", "/exec/*/start", start_exec},
    {"GET", "/exec/*/json", inspect_exec},
    {"POST", "/exec/*/resize", resize_exec},
};

}  // namespace

std::span<const Route> exec_routes() { return kExecRoutes; }

}  // namespace skiff::api
