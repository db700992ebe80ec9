#include "network/network_manager.h"

#include <fcntl.h>
#include <net/if.h>
#include <sys/file.h>

#include <algorithm>
#include <set>

#include "base/log.h"
#include "base/random.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "codec/hash.h"
#include "network/links.h"
#include "network/manager.h"
#include "network/network_rules.h"
#include "sys/namespaces.h"
#include "sys/procfs.h"

namespace skiff::network {

namespace {

constexpr std::string_view kDefaultNetwork = "bridge";

// Held while a subnet is chosen and taken, against every other instance in this network
// namespace: the lock is on the namespace itself.
Result<UniqueFd> lock_subnets() {
  UniqueFd fd = TRY(sys::namespace_of("thread-self", *sys::find_namespace("network")));
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return Error::from_errno(errno, "lock the choice of subnets");
  }
  return fd;
}

std::string default_bridge_name(const std::string& instance) {
  return instance == "default" ? "skiff0" : cat("sk", sha256_hex(instance).substr(0, 12));
}

Result<> enable_forwarding() {
  const sys::ProcFs* proc = TRY(sys::ProcFs::ours());
  const std::string path = "sys/net/ipv4/ip_forward";
  if (trim(TRY(proc->read(path))) != "0") return {};
  return proc->write(path, "1").context("let the host forward packets between its networks");
}

}  // namespace

// Starting: what is in the database, and what of it is in the kernel.

Result<> Manager::start() {
  const std::lock_guard lock(mutex_);
  TRY(add_predefined());
  return restore();
}

Result<> Manager::add_predefined() {
  std::set<std::string> known;
  for (const NetworkRecord& record : TRY(store_.networks())) {
    known.insert(record.info.name);
    if (record.info.name == kDefaultNetwork) TRY(check_subnet_wish(record));
  }
  for (const std::string_view name :
       {kDefaultNetwork, std::string_view("host"), std::string_view("none")}) {
    if (known.contains(std::string(name))) continue;
    NetworkRecord record;
    record.info.id = random_hex(kIdDigits);
    record.info.name = name;
    record.info.driver = name == "none" ? "null" : name;
    record.info.created = clock_.now();
    if (name == kDefaultNetwork) {
      record.info.bridge =
          options_.bridge.empty() ? default_bridge_name(options_.instance) : options_.bridge;
      record = TRY(with_subnet(std::move(record), options_.subnet, ""));
    }
    TRY(store_.add_network(record));
  }
  return {};
}

// The default network keeps the subnet of its first start, on which containers may stand.
Result<> Manager::check_subnet_wish(const NetworkRecord& record) const {
  if (options_.subnet.empty() || !record.subnet) return {};
  const Subnet wanted = TRY(Subnet::parse(options_.subnet));
  if (wanted == *record.subnet) return {};
  return Error(Code::kFailedPrecondition,
               cat("subnet ", wanted.str(), ": the default network has ", record.subnet->str(),
                   " since its first start: leave the flag out, or start with another root"));
}

// Containers may have outlived the daemon: their ports are held again, their rules renewed.
Result<> Manager::restore() {
  const std::vector<EndpointRecord> endpoints = TRY(store_.endpoints());
  std::set<std::string> used;
  for (const EndpointRecord& endpoint : endpoints) {
    used.insert(endpoint.network_id);
    for (const PortBinding& port : endpoint.ports) {
      const Ipv4 host_ip = TRY(Ipv4::parse(port.host_ip));
      auto hold = PortHold::take(*ports_, {port.protocol, host_ip, port.host_port});
      if (hold) {
        holds_[endpoint.id].push_back(std::move(*hold));
      } else {
        log_warn(cat("published port of container ", endpoint.container_id, ": ",
                     hold.error().message()));
      }
    }
  }
  TRY(ports_->settle());
  for (const NetworkRecord& record : TRY(store_.networks())) {
    if (used.contains(record.info.id)) TRY(bring_up(record));
  }
  return {};
}

// Networks.

Result<std::vector<NetworkInfo>> Manager::list() {
  const std::lock_guard lock(mutex_);
  std::vector<NetworkInfo> out;
  for (NetworkRecord& record : TRY(store_.networks())) out.push_back(std::move(record.info));
  return out;
}

Result<NetworkInfo> Manager::find(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return TRY(find_record(name)).info;
}

Result<NetworkRecord> Manager::find_record(const std::string& name) {
  const std::vector<NetworkRecord> all = TRY(store_.networks());
  const NetworkRecord* by_prefix = nullptr;
  bool ambiguous = false;
  for (const NetworkRecord& record : all) {
    if (record.info.name == name || record.info.id == name) return record;
    if (name.empty() || !record.info.id.starts_with(name)) continue;
    ambiguous = by_prefix != nullptr;
    by_prefix = &record;
  }
  if (ambiguous) {
    return Error(Code::kInvalidArgument,
                 cat("network ", name, " is ambiguous: several networks' ids begin with it"));
  }
  if (by_prefix != nullptr) return *by_prefix;
  return Error(Code::kNotFound, cat("network ", name, " not found"));
}

// Fills in the subnet and the gateway, wanted or chosen.
Result<NetworkRecord> Manager::with_subnet(NetworkRecord record, const std::string& subnet,
                                           const std::string& gateway) {
  if (subnet.empty()) {
    if (!gateway.empty()) {
      return Error(Code::kInvalidArgument, "a gateway needs the subnet that it is in");
    }
    record.subnet_chosen = true;
    const std::vector<Subnet> taken = TRY(subnets_taken(record));
    const Subnet chosen = TRY(choose_free_subnet(taken));
    return set_subnet(std::move(record), chosen, chosen.nth(1));
  }
  return set_wanted_subnet(std::move(record), subnet, gateway, TRY(store_.networks()));
}

Result<std::vector<Subnet>> Manager::subnets_taken(const NetworkRecord& apart_from) {
  std::vector<Subnet> taken = TRY(occupied_subnets(apart_from.info.bridge));
  for (const NetworkRecord& record : TRY(store_.networks())) {
    if (record.subnet && record.info.id != apart_from.info.id) taken.push_back(*record.subnet);
  }
  return taken;
}

Result<NetworkInfo> Manager::create(const NetworkInfo& wanted) {
  TRY(check_new_network(wanted));
  const std::lock_guard lock(mutex_);
  NetworkRecord record;
  record.info = wanted;
  record.info.id = random_hex(kIdDigits);
  record.info.driver = "bridge";
  record.info.created = clock_.now();
  record.info.bridge = cat("sk-", record.info.id.substr(0, 12));
  for (const NetworkRecord& other : TRY(store_.networks())) {
    if (other.info.name == wanted.name) {
      return Error(Code::kAlreadyExists, cat("network with name ", wanted.name, " already exists"));
    }
  }
  record = TRY(with_subnet(std::move(record), wanted.subnet, wanted.gateway));
  TRY(store_.add_network(record));
  return record.info;
}

Result<> Manager::remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const NetworkRecord record = TRY(find_record(name));
  if (record.info.predefined()) {
    return Error(Code::kPermissionDenied,
                 cat(record.info.name, " is a pre-defined network and cannot be removed"));
  }
  if (!TRY(store_.endpoints_of_network(record.info.id)).empty()) {
    return Error(Code::kPermissionDenied,
                 cat("error while removing network: network ", record.info.name, " id ",
                     record.info.id, " has active endpoints"));
  }
  const bool was_up = up_.contains(record.info.id);
  TRY(take_down(record));
  TRY(store_.remove_network(record.info.id));
  return was_up ? write_table() : Result<>();
}

// Bridges and rules.

Result<NetworkRecord> Manager::bring_up(NetworkRecord record) {
  const NetworkInfo& info = record.info;
  // The bridge is looked for each time: somebody else may have removed it.
  if (up_.contains(info.id) && ::if_nametoindex(info.bridge.c_str()) != 0) return record;
  const UniqueFd subnet_lock = TRY(lock_subnets());
  record = TRY(settle_subnet(std::move(record)));
  TRY(ensure_bridge({.name = info.bridge,
                     .alias = alias(),
                     .gateway = record.gateway,
                     .subnet = *record.subnet}));
  up_.insert(info.id);
  ScopeExit undo([&] { (void)take_down(record); });
  // Packets from 127.0.0.1 to a container's published port cross the bridge before they are
  // given another source; chain `guard` keeps the other direction closed.
  const sys::ProcFs* proc = TRY(sys::ProcFs::ours());
  TRY(proc->write(cat("sys/net/ipv4/conf/", info.bridge, "/route_localnet"), "1"));
  TRY(enable_forwarding());
  TRY(write_table());
  undo.dismiss();
  return record;
}

// A subnet that we chose may have been taken by others since: then another one, unless a
// container lives in it.
Result<NetworkRecord> Manager::settle_subnet(NetworkRecord record) {
  const bool in_use = !TRY(store_.endpoints_of_network(record.info.id)).empty();
  if (!record.subnet_chosen || in_use) return record;
  const std::vector<Subnet> taken = TRY(subnets_taken(record));
  const bool free = std::ranges::none_of(
      taken, [&](const Subnet& other) { return other.overlaps(*record.subnet); });
  if (free) return record;
  TRY(take_down(record));
  const Subnet chosen = TRY(choose_free_subnet(taken));
  record = set_subnet(std::move(record), chosen, chosen.nth(1));
  TRY(store_.set_subnet(record.info.id, *record.subnet, record.gateway));
  return record;
}

Result<> Manager::write_table() {
  std::vector<NftBridge> bridges;
  std::vector<Forward> forwards;
  for (const NetworkRecord& record : TRY(store_.networks())) {
    if (!up_.contains(record.info.id)) continue;
    bridges.push_back({record.info.bridge, *record.subnet, record.info.internal});
  }
  for (const EndpointRecord& endpoint : TRY(store_.endpoints())) {
    for (Forward& forward : TRY(forwards_of(endpoint))) forwards.push_back(forward);
  }
  return table_.replace(bridges, forwards);
}

// Removes the bridge, if it is ours.
Result<> Manager::take_down(const NetworkRecord& record) {
  up_.erase(record.info.id);
  if (record.info.bridge.empty()) return {};
  const auto link = TRY(find_link(record.info.bridge));
  if (!link || link->alias != alias()) return {};
  return delete_link(record.info.bridge);
}

Result<> Manager::shutdown() {
  const std::lock_guard lock(mutex_);
  if (!TRY(store_.endpoints()).empty()) return {};
  for (const NetworkRecord& record : TRY(store_.networks())) TRY(take_down(record));
  return table_.remove();
}

Result<std::unique_ptr<NetworkManager>> open_network_manager(const ManagerOptions& options,
                                                             const Clock& clock) {
  auto manager = std::make_unique<Manager>(options, TRY(NetworkStore::open(options.root)), clock);
  TRY_CONTEXT(manager->start(), "open the networks");
  return std::unique_ptr<NetworkManager>(std::move(manager));
}

}  // namespace skiff::network
