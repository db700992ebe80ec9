#include "engine/record.h"

namespace skiff::engine {

namespace {

json::Value state_json(const State& state) {
  json::Value out = json::object({{"status", status_name(state.status)},
                                  {"pid", state.pid},
                                  {"exitCode", state.exit_code},
                                  {"oomKilled", state.oom_killed},
                                  {"error", state.error},
                                  {"started", format_rfc3339(state.started)},
                                  {"finished", format_rfc3339(state.finished)}});
  if (state.health) out.set("health", runtime::to_json(*state.health));
  return out;
}

Result<State> read_state(const json::Value& v) {
  State state;
  auto status = parse_status(v.string("status"));
  if (!status) return Error(Code::kDataLoss, "container document: unknown status");
  state.status = *status;
  state.pid = static_cast<int>(v.integer("pid"));
  state.exit_code = static_cast<int>(v.integer("exitCode"));
  state.oom_killed = v.boolean("oomKilled");
  state.error = v.string("error");
  state.started = TRY(parse_rfc3339(v.string("started")));
  state.finished = TRY(parse_rfc3339(v.string("finished")));
  if (const json::Value* health = v.find("health")) {
    state.health = TRY(runtime::health_from(*health));
  }
  return state;
}

json::Value mounts_json(const std::vector<MountPoint>& mounts) {
  json::Array out;
  for (const MountPoint& mount : mounts) {
    json::Value one = mount.to_json();
    one.set("fromMounts", mount.from_mounts);
    out.push_back(std::move(one));
  }
  return out;
}

std::vector<MountPoint> read_mounts(const json::Array& list) {
  std::vector<MountPoint> out;
  for (const json::Value& v : list) {
    std::string type = v.string("Type");
    MountPoint mount;
    mount.type = type == "bind"    ? MountType::kBind
                 : type == "tmpfs" ? MountType::kTmpfs
                                   : MountType::kVolume;
    mount.name = v.string("Name");
    mount.source = v.string("Source");
    mount.destination = v.string("Destination");
    mount.driver = v.string("Driver");
    mount.mode = v.string("Mode");
    mount.read_write = v.boolean("RW");
    mount.propagation = v.string("Propagation");
    mount.from_mounts = v.boolean("fromMounts");
    out.push_back(std::move(mount));
  }
  return out;
}

json::Value networks_json(const std::vector<NetworkAttachment>& networks) {
  json::Array out;
  for (const NetworkAttachment& network : networks) {
    out.push_back(json::object({{"network", network.network},
                                {"networkId", network.network_id},
                                {"aliases", network.config.aliases},
                                {"ip", network.config.ipv4_address},
                                {"mac", network.config.mac_address},
                                {"driverOpts", network.config.driver_opts}}));
  }
  return out;
}

std::vector<NetworkAttachment> read_networks(const json::Array& list) {
  std::vector<NetworkAttachment> out;
  for (const json::Value& v : list) {
    NetworkAttachment network;
    network.network = v.string("network");
    network.network_id = v.string("networkId");
    network.config = {v.strings("aliases"), v.string("ip"), v.string("mac"),
                      v.string_map("driverOpts")};
    out.push_back(std::move(network));
  }
  return out;
}

// As the kernel writes them in /proc/PID/uid_map and gid_map.
json::Value id_maps_json(const std::optional<sys::IdMaps>& maps) {
  if (!maps) return nullptr;
  return json::object(
      {{"uids", sys::mapping_text(maps->uids)}, {"gids", sys::mapping_text(maps->gids)}});
}

std::optional<sys::IdMaps> read_id_maps(const json::Value& v) {
  const json::Value* maps = v.find("idMaps");
  if (maps == nullptr || maps->is_null()) return std::nullopt;
  return sys::IdMaps{.uids = sys::parse_mapping_text(maps->string("uids")),
                     .gids = sys::parse_mapping_text(maps->string("gids"))};
}

}  // namespace

json::Value Record::to_json() const {
  return json::object({{"id", info.id},
                       {"name", info.name},
                       {"created", format_rfc3339(info.created)},
                       {"path", info.path},
                       {"args", info.args},
                       {"state", state_json(info.state)},
                       {"image", info.image_id},
                       {"imageManifest", info.image_manifest_digest},
                       {"platform", info.platform},
                       {"config", info.config.to_json()},
                       {"hostConfig", info.host_config.to_json()},
                       {"mounts", mounts_json(info.mounts)},
                       {"networks", networks_json(info.networks)},
                       {"idMaps", id_maps_json(info.id_maps)},
                       {"processLabel", info.labels.process},
                       {"mountLabel", info.labels.mount},
                       {"restartCount", info.restart_count},
                       {"driver", info.driver},
                       {"snapshot", snapshot},
                       {"imagePlatform", image_platform},
                       {"manuallyStopped", manually_stopped}});
}

Result<Record> Record::from_json(const json::Value& v) {
  Record out;
  ContainerInfo& info = out.info;
  info.id = TRY(v.require_string("id"));
  info.name = TRY(v.require_string("name"));
  info.created = TRY(parse_rfc3339(v.string("created")));
  info.path = v.string("path");
  info.args = v.strings("args");
  const json::Value* state = TRY(v.require_object("state"));
  info.state = TRY(read_state(*state));
  info.image_id = v.string("image");
  info.image_manifest_digest = v.string("imageManifest");
  info.platform = v.string("platform");
  const json::Value* config = TRY(v.require_object("config"));
  info.config = TRY(ContainerConfig::from_json(*config));
  const json::Value* host_config = TRY(v.require_object("hostConfig"));
  info.host_config = TRY(HostConfig::from_json(*host_config));
  info.mounts = read_mounts(v.array("mounts"));
  info.networks = read_networks(v.array("networks"));
  info.id_maps = read_id_maps(v);
  info.labels = {.process = v.string("processLabel"), .mount = v.string("mountLabel")};
  info.restart_count = static_cast<int>(v.integer("restartCount"));
  info.driver = v.string("driver");
  out.snapshot = v.string("snapshot");
  out.image_platform = v.string("imagePlatform");
  out.manually_stopped = v.boolean("manuallyStopped");
  return out;
}

}  // namespace skiff::engine
