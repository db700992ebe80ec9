#include "engine/exec_record.h"

#include "codec/json.h"

namespace skiff::engine {

namespace {

// An answer of the monitor has to fit into a socket's buffer.
constexpr size_t kLongest = size_t{64} << 10U;

std::string dump(const ExecConfig& config) {
  return json::object({{"command", config.command},
                       {"user", config.user},
                       {"detach_keys", config.detach_keys},
                       {"tty", config.tty},
                       {"attach_stdin", config.attach_stdin},
                       {"attach_stdout", config.attach_stdout},
                       {"attach_stderr", config.attach_stderr},
                       {"privileged", config.privileged}})
      .dump();
}

}  // namespace

std::string exec_record(const ExecConfig& config) {
  std::string record = dump(config);
  if (record.size() <= kLongest) return record;
  ExecConfig shortened = config;
  shortened.command.resize(1);
  return dump(shortened);
}

ExecConfig exec_config_from(const std::string& record) {
  const auto value = json::parse(record);
  if (!value) return {};
  ExecConfig config;
  config.command = value->strings("command");
  config.user = value->string("user");
  config.detach_keys = value->string("detach_keys");
  config.tty = value->boolean("tty");
  config.attach_stdin = value->boolean("attach_stdin");
  config.attach_stdout = value->boolean("attach_stdout");
  config.attach_stderr = value->boolean("attach_stderr");
  config.privileged = value->boolean("privileged");
  return config;
}

}  // namespace skiff::engine
