// The containers of a Manager: addresses, interfaces, published ports.
#include <algorithm>

#include "base/random.h"
#include "network/links.h"
#include "network/manager.h"
#include "network/network_rules.h"

namespace skiff::network {

namespace {

Result<Ipv4> parse_host_ip(const std::string& text) {
  if (text.empty()) return Ipv4{};
  if (text.find(':') != std::string::npos) {
    return Error(Code::kUnimplemented, cat("publish a port on ", skiff::quoted(text),
                                           ": only IPv4 addresses are supported"));
  }
  return Ipv4::parse(text);
}

Endpoint describe(const EndpointRecord& record, const NetworkRecord& network) {
  return {.id = record.id,
          .container_id = record.container_id,
          .network_id = network.info.id,
          .network_name = network.info.name,
          .mac = record.mac,
          .ip = record.ip.str(),
          .prefix_length = network.subnet->prefix,
          .gateway = network.gateway.str(),
          .ports = record.ports};
}

}  // namespace

Result<std::vector<Forward>> forwards_of(const EndpointRecord& endpoint) {
  std::vector<Forward> out;
  for (const PortBinding& port : endpoint.ports) {
    const Ipv4 host_ip = TRY(Ipv4::parse(port.host_ip));
    out.push_back({.protocol = port.protocol,
                   .host_ip = host_ip,
                   .host_port = port.host_port,
                   .container_ip = endpoint.ip,
                   .container_port = port.container_port});
  }
  return out;
}

Result<Endpoint> Manager::attach(const std::string& container_id, const std::string& network,
                                 int netns, const AttachOptions& options) {
  Reservation reserved;
  {
    const std::lock_guard lock(mutex_);
    reserved = TRY(reserve(container_id, network, options));
  }
  Result<> made = connect(reserved, netns, options.ready);  // unlocked: it takes the longest
  const std::lock_guard lock(mutex_);
  if (made) made = publish(reserved.endpoint);
  if (!made) {
    (void)delete_link(reserved.endpoint.host_link);
    (void)release(reserved.endpoint);
    return std::move(made.error())
        .with_context(
            cat("attach container ", container_id, " to network ", reserved.network.info.name));
  }
  return describe(reserved.endpoint, reserved.network);
}

// Everything but the kernel's part: address and ports are the container's from here on.
Result<Manager::Reservation> Manager::reserve(const std::string& container_id,
                                              const std::string& network,
                                              const AttachOptions& options) {
  NetworkRecord record = TRY(find_record(network));
  if (!record.subnet) {
    return Error(Code::kInvalidArgument,
                 cat("network ", record.info.name, " has no addresses to attach a container to"));
  }
  const std::vector<EndpointRecord> others = TRY(store_.endpoints_of_container(container_id));
  for (const EndpointRecord& other : others) {
    if (other.network_id != record.info.id) continue;
    return Error(Code::kAlreadyExists, cat("container ", container_id,
                                           " is already attached to network ", record.info.name));
  }
  std::vector<PortHold> holds;
  std::vector<PortBinding> ports;
  for (PortBinding port : options.ports) {
    const Ipv4 host_ip = TRY(parse_host_ip(port.host_ip));
    holds.push_back(TRY(PortHold::take(*ports_, {port.protocol, host_ip, port.host_port})));
    port.host_ip = host_ip.str();
    port.host_port = holds.back().port();
    ports.push_back(std::move(port));
  }
  record = TRY(bring_up(std::move(record)));
  const Ipv4 ip =
      TRY(choose_address(record, TRY(store_.used_addresses(record.info.id)), options.requested_ip));
  const MacAddress mac =
      options.requested_mac.empty() ? mac_of(ip) : TRY(parse_mac(options.requested_mac));
  const std::string id = random_hex(kIdDigits);
  if (!options.interface.empty()) TRY(check_interface_name(options.interface));
  const std::string container_link =
      options.interface.empty() ? cat("eth", others.size()) : options.interface;
  const bool serves = options.ready && options.ready->container_name() == container_link;
  EndpointRecord endpoint{.id = id,
                          .container_id = container_id,
                          .network_id = record.info.id,
                          .mac = format_mac(mac),
                          .ip = ip,
                          .host_link = serves ? options.ready->host_name() : new_host_link(),
                          .ports = std::move(ports)};
  TRY(store_.add_endpoint(endpoint));
  holds_[id] = std::move(holds);
  VethSpec veth{.bridge = record.info.bridge,
                .mac = mac,
                .ip = ip,
                .prefix = record.subnet->prefix,
                .default_gateway = std::nullopt};
  if (others.empty() && !record.info.internal) veth.default_gateway = record.gateway;
  return Reservation{std::move(record), std::move(endpoint), container_link, std::move(veth)};
}

Result<> Manager::connect(const Reservation& reserved, int netns, VethPair* ready) {
  const std::string& host_link = reserved.endpoint.host_link;
  if (ready && ready->host_name() == host_link) return ready->connect(reserved.veth);
  VethPair pair = TRY(VethPair::make(host_link, reserved.container_link, netns));
  return pair.connect(reserved.veth);
}

Result<> Manager::publish(const EndpointRecord& endpoint) {
  const std::vector<Forward> forwards = TRY(forwards_of(endpoint));
  for (const Forward& f : forwards) {
    TRY(ports_->lead({f.protocol, f.host_ip, f.host_port}, f.container_ip, f.container_port));
  }
  Result<> done = table_.publish(forwards);
  // The host's administrator may have flushed all rules: then the table is written anew.
  if (!done && done.error().sys_errno() == ENOENT) return write_table();
  return done;
}

Result<> Manager::release(const EndpointRecord& endpoint) {
  Result<> withdrawn = table_.unpublish(TRY(forwards_of(endpoint)));
  store_.forget_endpoint(endpoint.id);
  holds_.erase(endpoint.id);
  return withdrawn;
}

Result<> Manager::detach(const std::string& container_id) {
  std::vector<EndpointRecord> records;
  {
    const std::lock_guard lock(mutex_);
    records = TRY(store_.endpoints_of_container(container_id));
  }
  Result<> outcome;
  const auto note = [&](Result<> done) {
    if (!done && outcome) outcome = std::move(done);
  };
  for (const EndpointRecord& record : records) {
    note(delete_link(record.host_link));  // unlocked: the kernel waits long in it
    const std::lock_guard lock(mutex_);
    note(release(record));
  }
  return std::move(outcome).context(cat("detach container ", container_id));
}

Result<std::vector<Endpoint>> Manager::endpoints(const std::string& network_id) {
  const std::lock_guard lock(mutex_);
  const NetworkRecord network = TRY(find_record(network_id));
  std::vector<Endpoint> out;
  for (const EndpointRecord& record : TRY(store_.endpoints_of_network(network.info.id))) {
    out.push_back(describe(record, network));
  }
  return out;
}

Result<> Manager::reconcile(const std::vector<std::string>& alive) {
  std::set<std::string> gone;
  {
    const std::lock_guard lock(mutex_);
    for (const EndpointRecord& record : TRY(store_.endpoints())) gone.insert(record.container_id);
  }
  for (const std::string& container : alive) gone.erase(container);
  for (const std::string& container : gone) TRY(detach(container));
  return {};
}

}  // namespace skiff::network
