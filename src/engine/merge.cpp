// What a new container takes from its image, and what is refused before it is made.
#include <algorithm>
#include <array>
#include <set>

#include "base/strings.h"
#include "engine/create.h"
#include "engine/host_values.h"
#include "engine/log_drivers.h"
#include "engine/process_life.h"
#include "engine/resource_rules.h"
#include "engine/security_options.h"

namespace skiff::engine {

namespace {

std::string_view variable_name(std::string_view entry) { return entry.substr(0, entry.find('=')); }

// The user's variables, then those of the image that the user did not name.
std::vector<std::string> merge_env(const std::vector<std::string>& image,
                                   const std::vector<std::string>& user) {
  std::vector<std::string> out;
  auto set_by_user = [&](const std::string& entry) {
    return std::any_of(user.begin(), user.end(), [&](const std::string& mine) {
      return variable_name(mine) == variable_name(entry);
    });
  };
  for (const std::string& entry : user) {
    // "NAME" without a value takes a variable of the image away.
    if (entry.find('=') != std::string::npos) out.push_back(entry);
  }
  for (const std::string& entry : image) {
    if (!set_by_user(entry)) out.push_back(entry);
  }
  return out;
}

Result<std::vector<std::string>> merge_ports(const std::vector<std::string>& image,
                                             const std::vector<std::string>& user) {
  std::set<std::string> out;
  for (const auto* list : {&image, &user}) {
    for (const std::string& port : *list) {
      auto [number, protocol] = TRY(parse_port(port));
      out.insert(cat(number, "/", protocol));
    }
  }
  return std::vector<std::string>(out.begin(), out.end());
}

std::vector<std::string> unite(const std::vector<std::string>& a,
                               const std::vector<std::string>& b) {
  std::set<std::string> out(a.begin(), a.end());
  out.insert(b.begin(), b.end());
  return {out.begin(), out.end()};
}

void merge_healthcheck(std::optional<oci::Healthcheck>& mine,
                       const std::optional<oci::Healthcheck>& image) {
  if (!image) return;
  if (!mine) {
    mine = image;
    return;
  }
  if (mine->test.empty()) mine->test = image->test;
  auto inherit = [](int64_t& value, int64_t from) {
    if (value == 0) value = from;
  };
  inherit(mine->interval_ns, image->interval_ns);
  inherit(mine->timeout_ns, image->timeout_ns);
  inherit(mine->start_period_ns, image->start_period_ns);
  inherit(mine->start_interval_ns, image->start_interval_ns);
  inherit(mine->retries, image->retries);
}

Result<> check_modes(const ContainerConfig& config, const HostConfig& host) {
  constexpr std::array kIpcModes = {"none", "private", "host", "shareable"};
  constexpr std::string_view kJoined = "container:";
  bool known = std::find(kIpcModes.begin(), kIpcModes.end(), host.ipc_mode) != kIpcModes.end();
  known |= host.ipc_mode.starts_with(kJoined) && host.ipc_mode.size() > kJoined.size();
  if (!known) {
    return invalid_argument(cat("invalid IPC mode: ", host.ipc_mode));
  }
  if (host.network_mode == "container:") {
    return invalid_argument("Invalid network mode: invalid container format container:<name|id>");
  }
  if (!host.pid_mode.empty() && host.pid_mode != "host" &&
      !host.pid_mode.starts_with("container:")) {
    return invalid_argument(cat("invalid PID mode: ", host.pid_mode));
  }
  if (!host.uts_mode.empty() && host.uts_mode != "host") {
    return invalid_argument(cat("invalid UTS mode: ", host.uts_mode));
  }
  if (!host.cgroupns_mode.empty() && host.cgroupns_mode != "host" &&
      host.cgroupns_mode != "private") {
    return invalid_argument(cat("invalid cgroup namespace mode: ", host.cgroupns_mode));
  }
  if (!host.runtime.empty() && host.runtime != "runc" && host.runtime != "skiff") {
    return invalid_argument(cat("unknown or invalid runtime name: ", host.runtime));
  }
  if (!config.run.working_dir.empty() && !config.run.working_dir.starts_with('/')) {
    return invalid_argument(cat("the working directory '", config.run.working_dir,
                                "' is invalid, it needs to be an absolute path"));
  }
  if (!config.run.stop_signal.empty()) TRY(parse_signal(config.run.stop_signal));
  return {};
}

}  // namespace

Result<> merge_image_config(oci::RunConfig& config, const oci::RunConfig& image) {
  if (config.user.empty()) config.user = image.user;
  config.exposed_ports = TRY(merge_ports(image.exposed_ports, config.exposed_ports));
  config.env = merge_env(image.env, config.env);
  // A new entrypoint makes the image's command meaningless.
  if (!config.entrypoint || config.entrypoint->empty()) {
    if (!config.cmd || config.cmd->empty()) config.cmd = image.cmd;
    if (!config.entrypoint) config.entrypoint = image.entrypoint;
  }
  config.volumes = unite(image.volumes, config.volumes);
  if (config.working_dir.empty()) config.working_dir = image.working_dir;
  for (const auto& [key, value] : image.labels) config.labels.emplace(key, value);
  if (config.stop_signal.empty()) config.stop_signal = image.stop_signal;
  if (!config.shell) config.shell = image.shell;
  merge_healthcheck(config.healthcheck, image.healthcheck);
  bool reset =
      config.entrypoint && config.entrypoint->size() == 1 && config.entrypoint->at(0).empty();
  if (reset) config.entrypoint.reset();
  bool no_entrypoint = !config.entrypoint || config.entrypoint->empty();
  bool no_command = !config.cmd || config.cmd->empty();
  if (no_entrypoint && no_command) return invalid_argument("no command specified");
  return {};
}

Result<> check_restart_policy(const RestartPolicy& policy) {
  constexpr std::array kNames = {"no", "always", "on-failure", "unless-stopped"};
  if (std::find(kNames.begin(), kNames.end(), policy.name) == kNames.end()) {
    return invalid_argument(cat("invalid restart policy: unknown policy '", policy.name,
                                "'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'"));
  }
  if (policy.maximum_retry_count < 0) {
    return invalid_argument("invalid restart policy: maximum retry count cannot be negative");
  }
  if (policy.name != "on-failure" && policy.maximum_retry_count > 0) {
    return invalid_argument(
        "invalid restart policy: maximum retry count can only be used with 'on-failure'");
  }
  return {};
}

Result<> check_host_config(const ContainerConfig& config, HostConfig& host,
                           std::vector<std::string>& warnings) {
  TRY(check_resources(host.resources));
  if (host.resources.pids_limit == 0) host.resources.pids_limit.reset();
  TRY(check_restart_policy(host.restart_policy));
  TRY(check_logging(host, warnings));
  TRY(check_modes(config, host));
  TRY(check_values(config, host));
  TRY(check_security(host, warnings));
  constexpr int kOomLimit = 1000;
  if (host.oom_score_adj < -kOomLimit || host.oom_score_adj > kOomLimit) {
    return invalid_argument(
        cat("Invalid value ", host.oom_score_adj, ", range for oom score adj is [-1000, 1000]"));
  }
  if (host.auto_remove && host.restart_policy.name != "no") {
    return invalid_argument("can't create 'AutoRemove' container with restart policy");
  }
  if (host.network_mode == "host" && !host.port_bindings.empty()) {
    warnings.emplace_back("Published ports are discarded when using host network mode");
  }
  host.runtime = "skiff";
  return {};
}

}  // namespace skiff::engine
