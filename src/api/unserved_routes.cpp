// What the Engine API has and this engine has not: refused by name, in place of "page not
// found". An engine outside a swarm answers a swarm's questions as Docker's does.
#include "api/router.h"
#include "base/strings.h"

namespace skiff::api {

namespace {

Result<> no_plugins(Call& call) { return call.reply(200, json::array()); }

Result<> no_swarm(Call& call) {
  return call.reply(
      503, json::object({{"message",
                          "This node is not a swarm manager. Use \"docker swarm init\" or \"docker "
                          "swarm join\" to connect this node to swarm and try again."}}));
}

Result<> swarm(Call&) {
  return Error(Code::kUnimplemented, "swarm mode is not served: this engine is a node of its own");
}

Result<> plugin(Call&) {
  return Error(Code::kUnimplemented,
               "plugins are not served: volumes are local, networks are bridges");
}

// A client that looks for anything of a name asks for a plugin too.
Result<> unknown_plugin(Call& call) {
  return Error(Code::kNotFound, cat("plugin ", skiff::quoted(call.name), " not found"));
}

Result<> websocket(Call&) {
  return Error(Code::kUnimplemented,
               "attaching by WebSocket is not served: use POST /containers/ID/attach");
}

Result<> cluster_volume(Call& call) {
  return Error(Code::kUnimplemented,
               cat("volume ", call.name, ": cluster volumes are not served, so none is updated"));
}

constexpr Route kUnservedRoutes[] = {
    {"GET", "/containers/*/attach/ws", websocket},
    {"PUT", "/volumes/*", cluster_volume},
    {"GET", "/plugins", no_plugins},
    {"GET", "/plugins/privileges", plugin},
    {"POST", "/plugins/pull", plugin},
    {"POST", "/plugins/create", plugin},
    {"GET", "/plugins/*/json", unknown_plugin},
    {"DELETE", "/plugins/*", unknown_plugin},
    {"POST", "/plugins/*/enable", unknown_plugin},
    {"POST", "/plugins/*/disable", unknown_plugin},
    {"POST", "/plugins/*/upgrade", unknown_plugin},
    {"POST", "/plugins/*/push", unknown_plugin},
    {"POST", "/plugins/*/set", unknown_plugin},
    {"GET", "/swarm", no_swarm},
    {"POST", "/swarm/init", swarm},
    {"POST", "/swarm/join", swarm},
    {"POST", "/swarm/leave", no_swarm},
    {"POST", "/swarm/update", no_swarm},
    {"GET", "/swarm/unlockkey", no_swarm},
    {"POST", "/swarm/unlock", no_swarm},
    {"GET", "/nodes", no_swarm},
    {"GET", "/nodes/*", no_swarm},
    {"DELETE", "/nodes/*", no_swarm},
    {"POST", "/nodes/*/update", no_swarm},
    {"GET", "/services", no_swarm},
    {"POST", "/services/create", no_swarm},
    {"GET", "/services/*", no_swarm},
    {"DELETE", "/services/*", no_swarm},
    {"POST", "/services/*/update", no_swarm},
    {"GET", "/services/*/logs", no_swarm},
    {"GET", "/tasks", no_swarm},
    {"GET", "/tasks/*", no_swarm},
    {"GET", "/tasks/*/logs", no_swarm},
    {"GET", "/secrets", no_swarm},
    {"POST", "/secrets/create", no_swarm},
    {"GET", "/secrets/*", no_swarm},
    {"DELETE", "/secrets/*", no_swarm},
    {"POST", "/secrets/*/update", no_swarm},
    {"GET", "/configs", no_swarm},
    {"POST", "/configs/create", no_swarm},
    {"GET", "/configs/*", no_swarm},
    {"DELETE", "/configs/*", no_swarm},
    {"POST", "/configs/*/update", no_swarm},
};

}  // namespace

std::span<const Route> unserved_routes() { return kUnservedRoutes; }

}  // namespace skiff::api
