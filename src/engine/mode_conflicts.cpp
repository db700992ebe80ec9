#include "engine/mode_conflicts.h"

#include "base/strings.h"

namespace skiff::engine {

namespace {

// The first that conflicts is told, in Docker's order and words (moby, runconfig/errors.go).
struct Conflict {
  bool found;
  std::string_view options;
};

template <size_t N>
Result<> refuse_any(const Conflict (&conflicts)[N]) {
  for (const Conflict& conflict : conflicts) {
    if (!conflict.found) continue;
    return Error(Code::kInvalidArgument, cat("conflicting options: ", conflict.options));
  }
  return {};
}

Result<> check_joined_network(const ContainerConfig& config, const HostConfig& host) {
  return refuse_any({
      {!config.hostname.empty(), "hostname and the network mode"},
      {!host.dns.empty(), "dns and the network mode"},
      {!host.extra_hosts.empty(), "custom host-to-IP mapping and the network mode"},
      {!host.port_bindings.empty() || host.publish_all_ports,
       "port publishing and the container type network mode"},
      {!config.run.exposed_ports.empty(), "port exposing and the container type network mode"},
  });
}

// Of a mode without an endpoint of its own.
Result<> check_addresses(const NetworkingConfig& networking) {
  for (const auto& [name, endpoint] : networking.endpoints) {
    TRY(refuse_any({{!endpoint.mac_address.empty(), "mac-address and the network mode"}}));
    if (!endpoint.ipv4_address.empty()) {
      return Error(Code::kInvalidArgument,
                   "user specified IP address is supported on user defined networks only");
    }
  }
  return {};
}

}  // namespace

Result<> check_mode_conflicts(const ContainerConfig& config, const HostConfig& host,
                              const NetworkingConfig& networking) {
  const std::string& mode = host.network_mode;
  const bool joined = mode.starts_with("container:");
  if (joined) TRY(check_joined_network(config, host));
  if (host.uts_mode == "host") {
    TRY(refuse_any({{!config.hostname.empty(), "hostname and the UTS mode"},
                    {!config.domainname.empty(), "domainname and the UTS mode"}}));
  }
  if (joined || mode == "host" || mode == "none") TRY(check_addresses(networking));
  return {};
}

}  // namespace skiff::engine
