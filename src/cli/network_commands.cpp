// network create, inspect, ls, prune, rm; connect and disconnect, which the engine refuses.
#include <algorithm>

#include "base/strings.h"
#include "cli/inspect.h"
#include "cli/listing.h"
#include "cli/option_values.h"
#include "cli/prune.h"
#include "cli/table.h"

namespace skiff::cli {

namespace {

using enum FlagKind;

constexpr FlagSpec kCreateNetworkFlags[] = {
    {"attachable", 0, kBool, "Accepted, changes nothing"},
    {"driver", 'd', kString, "Driver of the network (default \"bridge\")"},
    {"gateway", 0, kString, "IPv4 gateway of the subnet"},
    {"internal", 0, kBool, "Restrict external access to the network"},
    {"ip-range", 0, kString, ""},
    {"ipv6", 0, kBool, ""},
    {"label", 0, kList, "Set metadata of the network"},
    {"opt", 'o', kList, "Options of the driver", "map"},
    {"subnet", 0, kString, "Subnet in CIDR format"},
};

Outcome create_network(Session& session, Flags& flags) {
  if (flags.on("ipv6") || flags.has("ip-range")) {
    return Error(Code::kUnimplemented,
                 cat("--", flags.on("ipv6") ? "ipv6" : "ip-range", " is not supported"));
  }
  json::Value labels = TRY(parse_labels(flags.all("label")));
  json::Value body = json::object({{"Name", flags.args[0]},
                                   {"Driver", flags.get("driver", "bridge")},
                                   {"Internal", flags.on("internal")},
                                   {"Attachable", flags.on("attachable")},
                                   {"Options", key_values(flags.all("opt"))},
                                   {"Labels", std::move(labels)}});
  json::Value config = json::object();
  if (flags.has("subnet")) config.set("Subnet", flags.get("subnet"));
  if (flags.has("gateway")) {
    if (!flags.has("subnet")) {
      return Error(Code::kInvalidArgument,
                   "no matching subnet for gateway " + flags.get("gateway"));
    }
    config.set("Gateway", flags.get("gateway"));
  }
  if (flags.has("subnet")) {
    body.set("IPAM", json::object({{"Driver", "default"}, {"Config", json::array({config})}}));
  }
  print(TRY(session.api.post("/networks/create", body)).string("Id") + "\n");
  return 0;
}

constexpr FlagSpec kInspectNetworkFlags[] = {
    {"format", 'f', kString, "Print by a template: 'json' or a Go TEMPLATE"},
    {"verbose", 'v', kBool, "Accepted, changes nothing"},
};

Outcome inspect_network(Session& session, Flags& flags) {
  return inspect(session, flags, "network");
}

constexpr FlagSpec kListNetworksFlags[] = {
    {"filter", 'f', kList, "Show only what meets the condition (\"driver=bridge\")", "filter"},
    {"format", 0, kString,
     "Print by a template: 'table', 'table TEMPLATE', 'json' or a Go TEMPLATE"},
    {"no-trunc", 0, kBool, "Do not truncate the output"},
    {"quiet", 'q', kBool, "Only display network IDs"},
};

json::Value network_row(const json::Value& network, bool truncate) {
  std::vector<std::string> labels;
  for (const auto& [key, value] : network.object("Labels")) {
    labels.push_back(cat(key, "=", value.as_string()));
  }
  auto yes = [&](std::string_view key) { return network.boolean(key) ? "true" : "false"; };
  std::string id = network.string("Id");
  // "2006-01-02T15:04:05.5Z" as Go prints a time.
  std::string created =
      replace_all(replace_all(network.string("Created"), "T", " "), "Z", " +0000 UTC");
  return json::object({{"CreatedAt", created},
                       {"Driver", network.string("Driver")},
                       {"ID", truncate ? short_id(id) : id},
                       {"IPv4", yes("EnableIPv4")},
                       {"IPv6", yes("EnableIPv6")},
                       {"Internal", yes("Internal")},
                       {"Labels", join(labels, ",")},
                       {"Name", network.string("Name")},
                       {"Scope", network.string("Scope")}});
}

Outcome list_networks(Session& session, Flags& flags) {
  std::string filters = TRY(filters_parameter(flags.all("filter")));
  json::Value answer = TRY(session.api.get(
      filters.empty() ? "/networks" : cat("/networks?filters=", net::url_encode(filters))));
  json::Array networks = answer.as_array();
  std::sort(networks.begin(), networks.end(), [](const json::Value& a, const json::Value& b) {
    return a.string("Name") < b.string("Name");
  });
  std::vector<json::Value> rows;
  for (const auto& network : networks) {
    rows.push_back(network_row(network, !flags.on("no-trunc")));
    if (wants_label(flags.get("format"))) rows.back().set("Label", network.object("Labels"));
  }
  constexpr Column kColumns[] = {{"ID", "NETWORK ID"},
                                 {"Name", "NAME"},
                                 {"Driver", "DRIVER"},
                                 {"Scope", "SCOPE"},
                                 {"IPv4", "IPV4", false},
                                 {"IPv6", "IPV6", false},
                                 {"Internal", "INTERNAL", false},
                                 {"Labels", "LABELS", false},
                                 {"CreatedAt", "CREATED AT", false}};
  print(TRY(format_listing(rows, kColumns, {flags.get("format"), flags.on("quiet")})));
  return 0;
}

constexpr FlagSpec kRemoveNetworkFlags[] = {
    {"force", 'f', kBool, "Do not error if the network does not exist"},
};

Outcome remove_networks(Session& session, Flags& flags) {
  return for_each_argument(flags, [&](const std::string& name) -> Result<std::string> {
    auto removed = session.api.remove(cat("/networks/", net::url_encode(name)));
    if (!removed && removed.error().code() == Code::kNotFound && flags.on("force")) {
      return std::string();
    }
    TRY(std::move(removed));
    return name;
  });
}

constexpr FlagSpec kPruneNetworksFlags[] = {
    {"filter", 0, kList, "Remove only what meets the condition (\"until=24h\")", "filter"},
    {"force", 'f', kBool, "Do not prompt for confirmation"},
};

Outcome prune_unused_networks(Session& session, Flags& flags) {
  if (!confirmed(
          "WARNING! This will remove all custom networks not used by at least one container.",
          flags.on("force"))) {
    return 0;
  }
  Pruned pruned = TRY(prune_networks(session, flags.all("filter")));
  if (!pruned.deleted.empty()) print(pruned.deleted + "\n");
  return 0;
}

// The engine says why.
Outcome change_connection(Session& session, const Flags& flags, std::string_view action) {
  TRY(session.api.post(cat("/networks/", net::url_encode(flags.args[0]), "/", action),
                       json::object({{"Container", flags.args[1]}})));
  return 0;
}
Outcome connect_container(Session& session, Flags& flags) {
  return change_connection(session, flags, "connect");
}
Outcome disconnect_container(Session& session, Flags& flags) {
  return change_connection(session, flags, "disconnect");
}

constexpr Command kNetworkCommands[] = {
    {.name = "network create",
     .usage = "NETWORK",
     .summary = "Create a network",
     .flags = kCreateNetworkFlags,
     .run = create_network,
     .min_args = 1,
     .max_args = 1},
    {.name = "network inspect",
     .usage = "NETWORK [NETWORK...]",
     .summary = "Display detailed information on one or more networks",
     .flags = kInspectNetworkFlags,
     .run = inspect_network,
     .min_args = 1},
    {.name = "network ls",
     .summary = "List networks",
     .flags = kListNetworksFlags,
     .run = list_networks,
     .max_args = 0,
     .aliases = "network list"},
    {.name = "network rm",
     .usage = "NETWORK [NETWORK...]",
     .summary = "Remove one or more networks",
     .flags = kRemoveNetworkFlags,
     .run = remove_networks,
     .min_args = 1,
     .aliases = "network remove"},
    {.name = "network prune",
     .summary = "Remove all unused networks",
     .flags = kPruneNetworksFlags,
     .run = prune_unused_networks,
     .max_args = 0},
    {.name = "network connect",
     .usage = "NETWORK CONTAINER",
     .summary = "Connect a container to a network",
     .run = connect_container,
     .min_args = 2,
     .max_args = 2},
    {.name = "network disconnect",
     .usage = "NETWORK CONTAINER",
     .summary = "Disconnect a container from a network",
     .run = disconnect_container,
     .min_args = 2,
     .max_args = 2},
};

}  // namespace

std::span<const Command> network_commands() { return kNetworkCommands; }

}  // namespace skiff::cli
