// Networks.
#include <algorithm>

#include "api/body_types.h"
#include "api/router.h"
#include "base/strings.h"

namespace skiff::api {

namespace {

using network::NetworkInfo;

Result<json::Value> containers_json(const Call& call, const NetworkInfo& network) {
  json::Object out;
  for (const auto& endpoint : TRY(call.context.networks.endpoints(network.id))) {
    auto info = call.context.engine.containers().get(endpoint.container_id);
    out.set(endpoint.container_id,
            json::object({{"Name", info ? info->name : ""},
                          {"EndpointID", endpoint.id},
                          {"MacAddress", endpoint.mac},
                          {"IPv4Address", cat(endpoint.ip, "/", endpoint.prefix_length)},
                          {"IPv6Address", ""}}));
  }
  return json::Value(std::move(out));
}

json::Value network_json(const NetworkInfo& network, json::Value containers) {
  json::Value config;
  if (!network.subnet.empty()) {
    config =
        json::array({json::object({{"Subnet", network.subnet}, {"Gateway", network.gateway}})});
  }
  std::string driver = network.name == "none" ? "null" : network.driver;
  return json::object(
      {{"Name", network.name},
       {"Id", network.id},
       {"Created", format_rfc3339(network.created)},
       {"Scope", "local"},
       {"Driver", driver},
       {"EnableIPv4", true},
       {"EnableIPv6", false},
       {"IPAM", json::object({{"Driver", "default"}, {"Options", nullptr}, {"Config", config}})},
       {"Internal", network.internal},
       {"Attachable", false},
       {"Ingress", false},
       {"ConfigFrom", json::object({{"Network", ""}})},
       {"ConfigOnly", false},
       {"Containers", std::move(containers)},
       {"Options", network.options},
       {"Labels", network.labels}});
}

bool passes(const NetworkInfo& network, const engine::Filters& filters) {
  auto any = [&](const std::string& key, auto matches) {
    const auto& values = engine::filter_values(filters, key);
    return values.empty() || std::any_of(values.begin(), values.end(), matches);
  };
  return any("name",
             [&](const std::string& v) { return network.name.find(v) != std::string::npos; }) &&
         any("id", [&](const std::string& v) { return network.id.starts_with(v); }) &&
         any("driver", [&](const std::string& v) { return network.driver == v; }) &&
         any("type",
             [&](const std::string& v) {
               return v == (network.predefined() ? "builtin" : "custom");
             }) &&
         any("scope", [](const std::string& v) { return v == "local"; }) &&
         engine::labels_match(filters, network.labels);
}

Result<> list_networks(Call& call) {
  auto filters = TRY(call.filters());
  TRY(engine::check_filters(filters,
                            {"name", "id", "driver", "type", "scope", "label", "dangling"}));
  json::Array out;
  for (const auto& network : TRY(call.context.networks.list())) {
    if (passes(network, filters)) out.push_back(network_json(network, json::object()));
  }
  return call.reply(200, std::move(out));
}

Result<> inspect_network(Call& call) {
  auto network = TRY(call.context.networks.find(call.name));
  return call.reply(200, network_json(network, TRY(containers_json(call, network))));
}

Result<> refuse_unserved(const json::Value& body) {
  for (const char* key : {"EnableIPv6", "ConfigOnly", "Ingress"}) {
    if (!body.boolean(key)) continue;
    return Error(Code::kUnimplemented, cat("networks with ", key, " are not supported"));
  }
  const json::Value* ipam = body.find("IPAM");
  if (ipam == nullptr) return {};
  std::string driver = ipam->string("Driver");
  if (!driver.empty() && driver != "default") {
    return Error(Code::kUnimplemented, cat("IPAM driver ", driver, " is not supported"));
  }
  if (ipam->array("Config").size() > 1) {
    return Error(Code::kUnimplemented, "a network with more than one subnet is not supported");
  }
  for (const auto& config : ipam->array("Config")) {
    if (!config.string("IPRange").empty() || !config.object("AuxiliaryAddresses").empty()) {
      return Error(Code::kUnimplemented,
                   "IPRange and AuxiliaryAddresses of a network are not supported");
    }
  }
  return {};
}

Result<> create_network(Call& call) {
  json::Value body = TRY(call.json_body(network_types()));
  TRY(check_named(body));
  TRY(refuse_unserved(body));
  NetworkInfo wanted;
  wanted.name = TRY(body.require_string("Name"));
  std::string driver = body.string("Driver");
  if (!driver.empty() && driver != "bridge" && driver != "default") {
    return Error(Code::kNotFound,
                 cat("could not find plugin ", driver, " in v1 plugin registry: plugin not found"));
  }
  wanted.driver = "bridge";
  if (const json::Value* ipam = body.find("IPAM")) {
    for (const auto& config : ipam->array("Config")) {
      wanted.subnet = config.string("Subnet");
      wanted.gateway = config.string("Gateway");
    }
  }
  wanted.internal = body.boolean("Internal");
  wanted.labels = body.string_map("Labels");
  wanted.options = body.string_map("Options");
  auto created = TRY(call.context.networks.create(wanted));
  call.context.engine.events().publish({.type = "network",
                                        .action = "create",
                                        .id = created.id,
                                        .attributes = {{"name", created.name}, {"type", "bridge"}},
                                        .time = {}});
  return call.reply(201, json::object({{"Id", created.id}, {"Warning", ""}}));
}

Result<> remove_network_named(const Call& call, const std::string& name) {
  auto network = TRY(call.context.networks.find(name));
  TRY(call.context.networks.remove(network.id));
  call.context.engine.events().publish({.type = "network",
                                        .action = "destroy",
                                        .id = network.id,
                                        .attributes = {{"name", network.name}, {"type", "bridge"}},
                                        .time = {}});
  return {};
}

Result<> remove_network(Call& call) {
  TRY(remove_network_named(call, call.name));
  return call.reply_empty(204);
}

Result<> prune_networks(Call& call) {
  auto filters = TRY(call.filters());
  TRY(engine::check_filters(filters, {"until", "label", "label!"}));
  std::optional<TimePoint> until;
  for (const std::string& text : engine::filter_values(filters, "until")) {
    until = TRY(engine::parse_time_argument(text, call.context.clock.now()));
  }
  json::Array removed;
  for (const auto& network : TRY(call.context.networks.list())) {
    if (network.predefined() || !engine::labels_match(filters, network.labels)) continue;
    if (until && network.created > *until) continue;
    if (!TRY(call.context.networks.endpoints(network.id)).empty()) continue;
    if (remove_network_named(call, network.id)) removed.emplace_back(network.name);
  }
  json::Value list = removed.empty() ? json::Value() : json::Value(std::move(removed));
  return call.reply(200, json::object({{"NetworksDeleted", list}}));
}

Result<> refuse_live_change(Call& call) {
  return Error(Code::kUnimplemented,
               cat("network ", call.name,
                   ": connecting and disconnecting a container that exists is "
                   "not served; choose its network with run --network"));
}

constexpr Route kNetworkRoutes[] = {
    {"GET", "/networks", list_networks},
    {"GET", "/networks/", list_networks},
    {"POST", "/networks/create", create_network},
    {"POST", "/networks/prune", prune_networks},
    {"GET", "/networks/*", inspect_network},
    {"DELETE", "/networks/*", remove_network},
    {"POST", "/networks/*/connect", refuse_live_change},
    {"POST", "/networks/*/disconnect", refuse_live_change},
};

}  // namespace

std::span<const Route> network_routes() { return kNetworkRoutes; }

}  // namespace skiff::api
