#include "engine/container_network.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/strings.h"
#include "net/extra_host.h"
#include "network/ipv4.h"
#include "network/links.h"
#include "network/veth_pair.h"

namespace skiff::engine {

namespace {

// In place: the file is bind-mounted, a new one would not be seen. Never cut to nothing: ext4
// begins to write a file to disk, in close, that was emptied first.
Result<> rewrite(const Path& path, const std::string& text) {
  UniqueFd fd = TRY(open_file(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  struct stat st{};
  if (::fstat(fd.get(), &st) != 0) return Error::from_errno(errno, cat("read ", path.string()));
  const auto size = static_cast<off_t>(text.size());
  if (st.st_size > size && ::ftruncate(fd.get(), size) != 0) {
    return Error::from_errno(errno, cat("cut ", path.string()));
  }
  FdSink sink(fd.get());
  return sink.write(text);
}

Result<std::vector<std::string>> extra_hosts(Core& core, const HostConfig& host) {
  std::vector<std::string> out;
  for (const std::string& entry : host.extra_hosts) {
    net::ExtraHost extra = TRY(net::parse_extra_host(entry));
    if (extra.address == net::kHostGateway) {
      extra.address = TRY(core.networks.find("bridge")).gateway;
    }
    out.push_back(extra.str());
  }
  return out;
}

Result<> write_hosts(Core& core, const Container& container, const std::string& ip) {
  ContainerInfo info = container.info();
  std::vector<std::string> extra = TRY(extra_hosts(core, info.host_config));
  return rewrite(container.paths.hosts(),
                 network::make_hosts(info.config.hostname, info.config.domainname, ip, extra));
}

Result<uint16_t> host_port_number(const HostPort& host) {
  if (host.port.empty()) return uint16_t{0};
  auto number = parse_uint(host.port);
  if (number && *number <= 65535) return static_cast<uint16_t>(*number);
  return Error(Code::kInvalidArgument,
               cat("invalid port specification: ", skiff::quoted(host.port)));
}

Result<network::PortBinding> make_binding(const std::string& port, const HostPort& host) {
  auto [number, protocol] = TRY(parse_port(port));
  if (protocol == "sctp") {
    return Error(Code::kUnimplemented, "publishing SCTP ports is not supported");
  }
  network::PortBinding binding;
  binding.protocol = protocol == "udp" ? network::Protocol::kUdp : network::Protocol::kTcp;
  binding.container_port = number;
  if (!host.ip.empty()) binding.host_ip = host.ip;
  binding.host_port = TRY(host_port_number(host));
  return binding;
}

// Options of other drivers are passed over, as the bridge's driver does; not one that asks for what
// would then be missing.
Result<> check_driver_options(const EndpointConfig& endpoint) {
  constexpr std::string_view kOurs = "com.docker.network.";
  for (const auto& [name, value] : endpoint.driver_opts) {
    if (name == kInterfaceOption) {
      TRY_CONTEXT(network::check_interface_name(value), name);
    } else if (name.starts_with(kOurs)) {
      return Error(Code::kUnimplemented,
                   cat("the driver option ", name, " of an endpoint is not supported"));
    }
  }
  return {};
}

Result<> check_endpoint(const EndpointConfig& endpoint) {
  TRY(check_driver_options(endpoint));
  if (!endpoint.ipv4_address.empty() && !network::Ipv4::parse(endpoint.ipv4_address)) {
    return Error(Code::kInvalidArgument, cat("invalid IPv4 address: ", endpoint.ipv4_address));
  }
  if (!endpoint.mac_address.empty()) TRY(network::parse_mac(endpoint.mac_address));
  return {};
}

void publish_network_event(Core& core, const network::Endpoint& endpoint, const char* action) {
  core.events.publish({.type = "network",
                       .action = action,
                       .id = endpoint.network_id,
                       .attributes = {{"container", endpoint.container_id},
                                      {"name", endpoint.network_name},
                                      {"type", "bridge"}},
                       .time = {}});
}

}  // namespace

Result<std::vector<NetworkAttachment>> plan_networks(Core& core, const HostConfig& host,
                                                     const NetworkingConfig& networking) {
  std::vector<NetworkAttachment> out;
  const std::string& mode = host.network_mode;
  if (mode.starts_with("container:")) return out;
  network::NetworkInfo network = TRY(core.networks.find(mode));
  NetworkAttachment attachment;
  attachment.network = network.name;
  attachment.network_id = network.id;
  for (const auto& [name, endpoint] : networking.endpoints) {
    bool is_mode = name == mode || name == network.name || name == network.id ||
                   (name == "default" && network.name == "bridge");
    if (!is_mode) {
      return Error(
          Code::kUnimplemented,
          cat("a container on more than one network is not supported (", mode, " and ", name, ")"));
    }
    TRY(check_endpoint(endpoint));
    attachment.config = endpoint;
  }
  out.push_back(std::move(attachment));
  return out;
}

Result<std::vector<network::PortBinding>> plan_ports(const ContainerConfig& config,
                                                     const HostConfig& host) {
  std::vector<network::PortBinding> out;
  for (const auto& [port, hosts] : host.port_bindings) {
    for (const HostPort& one : hosts) out.push_back(TRY(make_binding(port, one)));
  }
  if (!host.publish_all_ports) return out;
  for (const std::string& port : config.run.exposed_ports) {
    if (!host.port_bindings.contains(port)) out.push_back(TRY(make_binding(port, HostPort())));
  }
  return out;
}

Result<> make_network_files(const ContainerPaths& paths) {
  for (const Path& file : {paths.hostname(), paths.hosts(), paths.resolv_conf()}) {
    (void)TRY(open_file(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  }
  return {};
}

Result<> write_network_files(Core& core, const Container& container) {
  ContainerInfo info = container.info();
  const HostConfig& host = info.host_config;
  TRY(rewrite(container.paths.hostname(), info.config.hostname + "\n"));
  TRY(write_hosts(core, container, ""));
  std::string resolv_conf = read_file(core.options.host_resolv_conf).value_or("");
  bool as_is = host.network_mode == "host" && host.dns.empty() && host.dns_search.empty() &&
               host.dns_options.empty();
  if (!as_is) {
    resolv_conf =
        network::make_resolv_conf(resolv_conf, host.dns, host.dns_search, host.dns_options);
  }
  return rewrite(container.paths.resolv_conf(), resolv_conf);
}

bool has_own_endpoint(const ContainerInfo& info) {
  const std::string& mode = info.host_config.network_mode;
  return mode != "host" && mode != "none" && !mode.starts_with("container:");
}

Result<std::unique_ptr<network::VethPair>> make_container_veth(const ContainerInfo& info,
                                                               int netns) {
  const std::string named = info.networks.at(0).config.interface();
  const std::string name = named.empty() ? "eth0" : named;
  auto pair = TRY(network::VethPair::make(network::new_host_link(), name, netns));
  return std::make_unique<network::VethPair>(std::move(pair));
}

Result<> connect_network(Core& core, Container& container, int netns, network::VethPair* ready) {
  disconnect_network(core, container);
  ContainerInfo info = container.info();
  network::AttachOptions options;
  options.ports = TRY(plan_ports(info.config, info.host_config));
  const NetworkAttachment& wanted = info.networks.at(0);
  options.requested_ip = wanted.config.ipv4_address;
  options.requested_mac = wanted.config.mac_address;
  options.aliases = wanted.config.aliases;
  options.interface = wanted.config.interface();
  options.ready = ready;
  network::Endpoint endpoint =
      TRY(core.networks.attach(container.id, wanted.network, netns, options));
  container.change([&](Record& record) { record.info.networks.at(0).endpoint = endpoint; });
  publish_network_event(core, endpoint, "connect");
  return write_hosts(core, container, endpoint.ip);
}

void disconnect_network(Core& core, Container& container) {
  std::optional<network::Endpoint> endpoint;
  container.change([&](Record& record) {
    for (NetworkAttachment& network : record.info.networks) {
      if (network.endpoint) endpoint = std::exchange(network.endpoint, std::nullopt);
    }
  });
  if (!endpoint) return;
  if (Result<> detached = core.networks.detach(container.id); !detached) {
    log_error(cat("container ", container.id, ": detach network: ", detached.error().message()));
  }
  publish_network_event(core, *endpoint, "disconnect");
}

}  // namespace skiff::engine
