#include "engine/host_values.h"

#include <sched.h>

#include "base/strings.h"
#include "net/extra_host.h"
#include "net/ip_address.h"
#include "runtime/sysctls.h"

namespace skiff::engine {

namespace {

Result<> check_healthcheck(const oci::Healthcheck& check) {
  constexpr int64_t kLeast = 1'000'000;
  const std::pair<std::string_view, int64_t> times[] = {{"Interval", check.interval_ns},
                                                        {"Timeout", check.timeout_ns},
                                                        {"StartPeriod", check.start_period_ns},
                                                        {"StartInterval", check.start_interval_ns}};
  for (const auto& [name, nanos] : times) {
    if (nanos != 0 && nanos < kLeast) {
      return invalid_argument(cat(name, " in Healthcheck cannot be less than 1ms"));
    }
  }
  if (check.retries < 0) return invalid_argument("Retries in Healthcheck cannot be negative");
  return {};
}

Result<> check_host_addresses(const HostConfig& host) {
  for (const auto& [port, bindings] : host.port_bindings) {
    for (const HostPort& each : bindings) {
      if (!each.ip.empty() && !net::is_ip_address(each.ip)) {
        return invalid_argument(cat("invalid IP address: ", each.ip));
      }
    }
  }
  return {};
}

bool is_separate(const HostConfig& host, uint64_t space) {
  if (space == CLONE_NEWNET) return host.network_mode != "host";
  if (space == CLONE_NEWIPC) return host.ipc_mode != "host";
  return host.uts_mode != "host";
}

}  // namespace

Result<> check_values(const ContainerConfig& config, const HostConfig& host) {
  for (const std::string& variable : config.run.env) {
    if (variable.empty() || variable.front() == '=') {
      return invalid_argument(cat("invalid environment variable: ", variable));
    }
  }
  if (config.run.labels.contains("")) return invalid_argument("invalid label: empty name");
  if (config.run.healthcheck) TRY(check_healthcheck(*config.run.healthcheck));
  if (host.annotations.contains("")) {
    return invalid_argument(
        "invalid Annotations: the empty string is not permitted as an annotation key");
  }
  for (const std::string& server : host.dns) {
    if (!net::is_ip_address(server)) {
      return invalid_argument(
          cat("invalid DNS server: ", skiff::quoted(server), " is no IP address"));
    }
  }
  for (const std::string& entry : host.extra_hosts) TRY(net::parse_extra_host(entry));
  TRY(check_host_addresses(host));
  for (const auto& [name, value] : host.sysctls) {
    TRY(runtime::check_sysctl(runtime::with_dots(name),
                              [&](uint64_t space) { return is_separate(host, space); }));
  }
  return {};
}

}  // namespace skiff::engine
