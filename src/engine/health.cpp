#include "engine/health.h"

#include <algorithm>

#include "base/log.h"
#include "base/strings.h"

namespace skiff::engine {

namespace {

using std::chrono::milliseconds;

milliseconds or_default(int64_t nanos, milliseconds fallback) {
  if (nanos <= 0) return fallback;
  return std::chrono::ceil<milliseconds>(std::chrono::nanoseconds(nanos));
}

std::vector<std::string> probe_command(const oci::RunConfig& config) {
  const std::vector<std::string>& test = config.healthcheck->test;
  if (test[0] != "CMD-SHELL") return {test.begin() + 1, test.end()};
  std::vector<std::string> command =
      config.shell.value_or(std::vector<std::string>{"/bin/sh", "-c"});
  command.insert(command.end(), test.begin() + 1, test.end());
  return command;
}

}  // namespace

std::optional<runtime::HealthCheck> health_check_of(const ContainerInfo& info) {
  const oci::RunConfig& config = info.config.run;
  const auto& wanted = config.healthcheck;
  if (!wanted || wanted->test.size() < 2 || wanted->test[0] == "NONE") return std::nullopt;
  runtime::HealthCheck check;
  check.command = probe_command(config);
  check.interval = or_default(wanted->interval_ns, check.interval);
  check.timeout = or_default(wanted->timeout_ns, check.timeout);
  check.start_period = or_default(wanted->start_period_ns, check.start_period);
  check.start_interval = or_default(wanted->start_interval_ns, check.start_interval);
  if (wanted->retries > 0) check.retries = static_cast<int>(wanted->retries);
  return check;
}

void note_health(Core& core, Container& container) {
  if (!health_check_of(container.info())) return;
  auto found =
      runtime::read_health_file(runtime::MonitorOptions::health_file(container.paths.monitor()));
  if (!found) {
    log_warn(cat("container ", container.id, ": health: ", found.error().message()));
    return;
  }
  bool changed = container.change([&](Record& record) {
    auto& health = record.info.state.health;
    std::string before = health.value_or(Health()).status;
    health = *found;
    return health->status != before;
  });
  if (changed) core.publish(container, cat("health_status: ", found->status));
}

}  // namespace skiff::engine
