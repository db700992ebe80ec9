#include "api/container_json.h"

#include <algorithm>

#include "base/strings.h"
#include "engine/security_options.h"

namespace skiff::api {

using engine::ContainerInfo;
using engine::NetworkAttachment;
using json::Value;

namespace {

Value strings_or_null(const std::vector<std::string>& list) {
  return list.empty() ? Value() : Value(list);
}

Value endpoint_json(const NetworkAttachment& attachment) {
  const auto& e = attachment.endpoint;
  const auto& options = attachment.config.driver_opts;
  return json::object({{"IPAMConfig", nullptr},
                       {"Links", nullptr},
                       {"Aliases", strings_or_null(attachment.config.aliases)},
                       {"MacAddress", e ? e->mac : ""},
                       {"DriverOpts", options.empty() ? Value() : Value(options)},
                       {"GwPriority", 0},
                       {"NetworkID", attachment.network_id},
                       {"EndpointID", e ? e->id : ""},
                       {"Gateway", e ? e->gateway : ""},
                       {"IPAddress", e ? e->ip : ""},
                       {"IPPrefixLen", e ? e->prefix_length : 0},
                       {"IPv6Gateway", ""},
                       {"GlobalIPv6Address", ""},
                       {"GlobalIPv6PrefixLen", 0},
                       {"DNSNames", nullptr}});
}

std::string_view protocol_name(network::Protocol protocol) {
  return protocol == network::Protocol::kUdp ? "udp" : "tcp";
}

// {"80/tcp": [{"HostIp": ..., "HostPort": ...}], "81/tcp": null}: published, then exposed only.
Value ports_json(const ContainerInfo& info) {
  json::Object ports;
  for (const std::string& port : info.config.run.exposed_ports) ports.set(port, Value());
  for (const auto& attachment : info.networks) {
    if (!attachment.endpoint) continue;
    for (const auto& binding : attachment.endpoint->ports) {
      std::string key = cat(binding.container_port, "/", protocol_name(binding.protocol));
      const Value* present = ports.find(key);
      json::Array list = present != nullptr ? present->as_array() : json::Array();
      list.push_back(
          json::object({{"HostIp", binding.host_ip}, {"HostPort", cat(binding.host_port)}}));
      ports.set(key, std::move(list));
    }
  }
  return ports;
}

Value network_settings_json(const ContainerInfo& info) {
  json::Object networks;
  const NetworkAttachment* bridge = nullptr;
  for (const auto& attachment : info.networks) {
    networks.set(attachment.network, endpoint_json(attachment));
    if (attachment.network == "bridge") bridge = &attachment;
  }
  const auto* e = bridge != nullptr && bridge->endpoint ? &*bridge->endpoint : nullptr;
  bool running = info.state.running();
  return json::object({{"Bridge", ""},
                       {"SandboxID", running ? info.id : ""},
                       {"SandboxKey", running ? cat("/proc/", info.state.pid, "/ns/net") : ""},
                       {"Ports", running ? ports_json(info) : json::object()},
                       {"HairpinMode", false},
                       {"LinkLocalIPv6Address", ""},
                       {"LinkLocalIPv6PrefixLen", 0},
                       {"SecondaryIPAddresses", nullptr},
                       {"SecondaryIPv6Addresses", nullptr},
                       {"EndpointID", e != nullptr ? e->id : ""},
                       {"Gateway", e != nullptr ? e->gateway : ""},
                       {"GlobalIPv6Address", ""},
                       {"GlobalIPv6PrefixLen", 0},
                       {"IPAddress", e != nullptr ? e->ip : ""},
                       {"IPPrefixLen", e != nullptr ? e->prefix_length : 0},
                       {"IPv6Gateway", ""},
                       {"MacAddress", e != nullptr ? e->mac : ""},
                       {"Networks", std::move(networks)}});
}

Value mounts_json(const ContainerInfo& info) {
  json::Array mounts;
  for (const auto& mount : info.mounts) mounts.push_back(mount.to_json());
  return mounts;
}

Value list_ports_json(const ContainerInfo& info) {
  json::Array out;
  if (!info.state.running()) return out;
  std::vector<std::string> published;
  for (const auto& attachment : info.networks) {
    if (!attachment.endpoint) continue;
    for (const auto& binding : attachment.endpoint->ports) {
      out.push_back(json::object({{"IP", binding.host_ip},
                                  {"PrivatePort", binding.container_port},
                                  {"PublicPort", binding.host_port},
                                  {"Type", protocol_name(binding.protocol)}}));
      published.push_back(cat(binding.container_port, "/", protocol_name(binding.protocol)));
    }
  }
  for (const std::string& exposed : info.config.run.exposed_ports) {
    if (std::find(published.begin(), published.end(), exposed) != published.end()) continue;
    auto port = engine::parse_port(exposed);
    if (!port) continue;
    out.push_back(json::object({{"PrivatePort", port->first}, {"Type", port->second}}));
  }
  return out;
}

Value blkio_json(const std::vector<engine::BlkioEntry>& entries) {
  json::Array out;
  for (const auto& entry : entries) {
    out.push_back(json::object({{"major", entry.major},
                                {"minor", entry.minor},
                                {"op", entry.op},
                                {"value", entry.value}}));
  }
  return out;
}

Value cpu_json(const engine::StatsSample& s) {
  Value usage = json::object({{"total_usage", s.cpu_total_ns}});
  if (!s.cpu_per_cpu_ns.empty()) {
    json::Array each;
    for (uint64_t ns : s.cpu_per_cpu_ns) each.emplace_back(ns);
    usage.set("percpu_usage", std::move(each));
  }
  usage.set("usage_in_kernelmode", s.cpu_kernel_ns);
  usage.set("usage_in_usermode", s.cpu_user_ns);
  Value out = json::object({{"cpu_usage", usage}});
  if (s.system_cpu_ns != 0) out.set("system_cpu_usage", s.system_cpu_ns);
  if (s.online_cpus != 0) out.set("online_cpus", s.online_cpus);
  out.set("throttling_data", json::object({{"periods", s.throttling_periods},
                                           {"throttled_periods", s.throttled_periods},
                                           {"throttled_time", s.throttled_ns}}));
  return out;
}

Value memory_json(const engine::StatsSample& s) {
  if (!s.running) return json::object();
  Value out = json::object({{"usage", s.memory_usage}});
  if (s.memory_max_usage) out.set("max_usage", *s.memory_max_usage);
  json::Object stats;
  for (const auto& [name, value] : s.memory_stats) stats.set(name, value);
  out.set("stats", std::move(stats));
  if (s.memory_fail_count) out.set("failcnt", *s.memory_fail_count);
  out.set("limit", s.memory_limit);
  return out;
}

}  // namespace

Value container_inspect_json(const ContainerInfo& info) {
  Value out = json::object(
      {{"Id", info.id},
       {"Created", format_rfc3339(info.created)},
       {"Path", info.path},
       {"Args", info.args},
       {"State", info.state.to_json()},
       {"Image", info.image_id},
       {"ResolvConfPath", info.resolv_conf_path.native()},
       {"HostnamePath", info.hostname_path.native()},
       {"HostsPath", info.hosts_path.native()},
       {"LogPath", info.host_config.log_driver == "json-file" ? info.log_path.native() : ""},
       {"Name", cat("/", info.name)},
       {"RestartCount", info.restart_count},
       {"Driver", info.driver},
       {"Platform", info.platform},
       {"MountLabel", info.labels.mount},
       {"ProcessLabel", info.labels.process},
       {"AppArmorProfile", engine::apparmor_profile_of(info.host_config)},
       {"ExecIDs", strings_or_null(info.exec_ids)},
       {"HostConfig", info.host_config.to_json()},
       {"GraphDriver", json::object({{"Data", nullptr}, {"Name", info.driver}})}});
  if (info.size_rw) out.set("SizeRw", *info.size_rw);
  if (info.size_root_fs) out.set("SizeRootFs", *info.size_root_fs);
  out.set("Mounts", mounts_json(info));
  out.set("Config", info.config.to_json());
  out.set("NetworkSettings", network_settings_json(info));
  return out;
}

Value container_list_json(const ContainerInfo& info, TimePoint now) {
  json::Object networks;
  for (const auto& attachment : info.networks) {
    networks.set(attachment.network, endpoint_json(attachment));
  }
  Value out = json::object({{"Id", info.id},
                            {"Names", json::array({cat("/", info.name)})},
                            {"Image", info.config.image},
                            {"ImageID", info.image_id},
                            {"Command", engine::command_text(info)},
                            {"Created", unix_seconds(info.created)},
                            {"Ports", list_ports_json(info)}});
  if (info.size_rw) out.set("SizeRw", *info.size_rw);
  if (info.size_root_fs) out.set("SizeRootFs", *info.size_root_fs);
  json::Object labels;
  for (const auto& [key, value] : info.config.run.labels) labels.set(key, value);
  out.set("Labels", std::move(labels));
  out.set("State", engine::status_name(info.state.status));
  out.set("Status", engine::status_text(info.state, now));
  out.set("HostConfig", json::object({{"NetworkMode", info.host_config.network_mode}}));
  out.set("NetworkSettings", json::object({{"Networks", std::move(networks)}}));
  out.set("Mounts", mounts_json(info));
  return out;
}

Value stats_json(const ContainerInfo& info, const engine::StatsSample& now,
                 const engine::StatsSample& before) {
  Value pids = json::object();
  if (now.running) {
    pids.set("current", now.pids_current);
    if (now.pids_limit) pids.set("limit", *now.pids_limit);
  }
  Value out = json::object(
      {{"name", cat("/", info.name)},
       {"id", info.id},
       {"read", format_rfc3339(now.read)},
       {"preread", format_rfc3339(before.read)},
       {"pids_stats", pids},
       {"blkio_stats", json::object({{"io_service_bytes_recursive", blkio_json(now.blkio_bytes)},
                                     {"io_serviced_recursive", blkio_json(now.blkio_operations)}})},
       {"num_procs", 0},
       {"storage_stats", json::object()},
       {"cpu_stats", cpu_json(now)},
       {"precpu_stats", cpu_json(before)},
       {"memory_stats", memory_json(now)}});
  if (!now.networks.empty()) {
    json::Object networks;
    for (const auto& [name, n] : now.networks) {
      networks.set(name, json::object({{"rx_bytes", n.rx_bytes},
                                       {"rx_packets", n.rx_packets},
                                       {"rx_errors", n.rx_errors},
                                       {"rx_dropped", n.rx_dropped},
                                       {"tx_bytes", n.tx_bytes},
                                       {"tx_packets", n.tx_packets},
                                       {"tx_errors", n.tx_errors},
                                       {"tx_dropped", n.tx_dropped}}));
    }
    out.set("networks", std::move(networks));
  }
  return out;
}

}  // namespace skiff::api
