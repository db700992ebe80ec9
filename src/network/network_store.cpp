#include "network/network_store.h"

#include <array>

#include "base/log.h"
#include "base/strings.h"
#include "codec/json.h"

namespace skiff::network {

namespace {

constexpr std::array kMigrations{R"(
  CREATE TABLE network(
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    driver TEXT NOT NULL,
    created INTEGER NOT NULL,          -- nanoseconds since 1970
    subnet TEXT NOT NULL,              -- "" for host and none
    subnet_chosen INTEGER NOT NULL,
    gateway INTEGER NOT NULL,
    bridge TEXT NOT NULL,
    internal INTEGER NOT NULL,
    labels TEXT NOT NULL,              -- JSON
    options TEXT NOT NULL);            -- JSON
  CREATE TABLE endpoint(
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    container TEXT NOT NULL,
    network TEXT NOT NULL REFERENCES network(id),
    mac TEXT NOT NULL,
    ip INTEGER NOT NULL,
    host_link TEXT NOT NULL,
    UNIQUE(network, ip),
    UNIQUE(container, network));
  CREATE TABLE binding(
    endpoint TEXT NOT NULL REFERENCES endpoint(id) ON DELETE CASCADE,
    protocol INTEGER NOT NULL,         -- 0 TCP, 1 UDP
    container_port INTEGER NOT NULL,
    host_ip TEXT NOT NULL,
    host_port INTEGER NOT NULL);
  CREATE INDEX binding_of_endpoint ON binding(endpoint);
)"};

constexpr const char* kDurable = "PRAGMA synchronous=FULL";
constexpr const char* kSurvivesProcess = "PRAGMA synchronous=NORMAL";

std::string text_of(const std::map<std::string, std::string>& members) {
  return json::Value(members).dump();
}

Result<std::map<std::string, std::string>> members_of(const std::string& text) {
  std::map<std::string, std::string> out;
  const json::Value value = TRY(json::parse(text));
  for (const auto& [key, member] : value.as_object()) out[key] = member.as_string();
  return out;
}

Ipv4 address_at(const Statement& row, int column) {
  return {static_cast<uint32_t>(row.integer(column))};
}

}  // namespace

Result<NetworkStore> NetworkStore::open(const Path& root) {
  TRY(make_directories(root));
  NetworkStore store(TRY(Database::open(root / "network.db", kMigrations)));
  TRY(store.db_.execute(kSurvivesProcess));
  return store;
}

Result<std::vector<NetworkRecord>> NetworkStore::networks() {
  Statement row = TRY(db_.prepare(
      "SELECT id, name, driver, created, subnet, subnet_chosen, gateway, bridge, internal, "
      "labels, options FROM network ORDER BY created, name"));
  std::vector<NetworkRecord> out;
  while (TRY(row.step())) {
    NetworkRecord record;
    NetworkInfo& info = record.info;
    info.id = row.text(0);
    info.name = row.text(1);
    info.driver = row.text(2);
    info.created = TimePoint(std::chrono::nanoseconds(row.integer(3)));
    info.subnet = row.text(4);
    info.bridge = row.text(7);
    info.internal = row.integer(8) != 0;
    info.labels = TRY(members_of(row.text(9)));
    info.options = TRY(members_of(row.text(10)));
    record.subnet_chosen = row.integer(5) != 0;
    if (!info.subnet.empty()) {
      record.subnet = TRY(Subnet::parse(info.subnet));
      record.gateway = address_at(row, 6);
      info.gateway = record.gateway.str();
    }
    out.push_back(std::move(record));
  }
  return out;
}

Result<> NetworkStore::add_network(const NetworkRecord& record) {
  const NetworkInfo& info = record.info;
  TRY(db_.execute(kDurable));
  Result<int64_t> added = db_.run(
      "INSERT INTO network(id, name, driver, created, subnet, subnet_chosen, gateway, bridge, "
      "internal, labels, options) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      info.id, info.name, info.driver, unix_nanos(info.created),
      record.subnet ? record.subnet->str() : std::string(), record.subnet_chosen,
      record.gateway.bits, info.bridge, info.internal, text_of(info.labels), text_of(info.options));
  TRY(db_.execute(kSurvivesProcess));
  TRY(std::move(added));
  return {};
}

Result<> NetworkStore::remove_network(const std::string& id) {
  TRY(drop_forgotten());  // they refer to it
  TRY(db_.execute(kDurable));
  Result<int64_t> removed = db_.run("DELETE FROM network WHERE id = ?", id);
  TRY(db_.execute(kSurvivesProcess));
  TRY(std::move(removed));
  return {};
}

Result<> NetworkStore::set_subnet(const std::string& id, const Subnet& subnet, Ipv4 gateway) {
  TRY(db_.run("UPDATE network SET subnet = ?, gateway = ? WHERE id = ?", subnet.str(), gateway.bits,
              id));
  return {};
}

Result<std::vector<EndpointRecord>> NetworkStore::read_endpoints(Statement row) {
  std::vector<EndpointRecord> out;
  while (TRY(row.step())) {
    if (forgotten_.contains(row.text(0))) continue;
    EndpointRecord record{.id = row.text(0),
                          .container_id = row.text(1),
                          .network_id = row.text(2),
                          .mac = row.text(3),
                          .ip = address_at(row, 4),
                          .host_link = row.text(5),
                          .ports = {}};
    Statement port = TRY(db_.prepare(
        "SELECT protocol, container_port, host_ip, host_port FROM binding WHERE endpoint = ? "
        "ORDER BY rowid",
        record.id));
    while (TRY(port.step())) {
      record.ports.push_back({.protocol = port.integer(0) == 0 ? Protocol::kTcp : Protocol::kUdp,
                              .container_port = static_cast<uint16_t>(port.integer(1)),
                              .host_ip = port.text(2),
                              .host_port = static_cast<uint16_t>(port.integer(3))});
    }
    out.push_back(std::move(record));
  }
  return out;
}

Result<std::vector<EndpointRecord>> NetworkStore::endpoints() {
  return read_endpoints(TRY(db_.prepare(
      "SELECT id, container, network, mac, ip, host_link FROM endpoint ORDER BY number")));
}

Result<std::vector<EndpointRecord>> NetworkStore::endpoints_of_network(
    const std::string& network_id) {
  return read_endpoints(
      TRY(db_.prepare("SELECT id, container, network, mac, ip, host_link FROM endpoint "
                      "WHERE network = ? ORDER BY number",
                      network_id)));
}

Result<std::vector<EndpointRecord>> NetworkStore::endpoints_of_container(
    const std::string& container_id) {
  return read_endpoints(
      TRY(db_.prepare("SELECT id, container, network, mac, ip, host_link FROM endpoint "
                      "WHERE container = ? ORDER BY number",
                      container_id)));
}

Result<std::vector<Ipv4>> NetworkStore::used_addresses(const std::string& network_id) {
  TRY(drop_forgotten());
  Statement row =
      TRY(db_.prepare("SELECT ip FROM endpoint WHERE network = ? ORDER BY ip", network_id));
  std::vector<Ipv4> out;
  while (TRY(row.step())) out.push_back(address_at(row, 0));
  return out;
}

Result<> NetworkStore::add_endpoint(const EndpointRecord& record) {
  TRY(drop_forgotten());
  Transaction tx = TRY(db_.begin());
  TRY(
      db_.run("INSERT INTO endpoint(id, container, network, mac, ip, host_link) "
              "VALUES (?, ?, ?, ?, ?, ?)",
              record.id, record.container_id, record.network_id, record.mac, record.ip.bits,
              record.host_link));
  for (const PortBinding& port : record.ports) {
    TRY(
        db_.run("INSERT INTO binding(endpoint, protocol, container_port, host_ip, host_port) "
                "VALUES (?, ?, ?, ?, ?)",
                record.id, port.protocol == Protocol::kTcp ? 0 : 1, port.container_port,
                port.host_ip, port.host_port));
  }
  return tx.commit();
}

void NetworkStore::forget_endpoint(const std::string& id) {
  forgotten_.insert(id);
  if (Result<> dropped = drop_forgotten(); !dropped) {
    log_warn(cat("forget endpoint ", id, ", again with the next one: ", dropped.error().message()));
  }
}

Result<> NetworkStore::drop_forgotten() {
  while (!forgotten_.empty()) {
    TRY(db_.run("DELETE FROM endpoint WHERE id = ?", *forgotten_.begin()));
    forgotten_.erase(forgotten_.begin());
  }
  return {};
}

}  // namespace skiff::network
