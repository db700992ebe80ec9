// Volumes.
#include "api/body_types.h"
#include "api/router.h"
#include "api/volume_json.h"
#include "base/strings.h"

namespace skiff::api {

json::Value volume_json(const engine::Volume& volume) {
  auto map_or_null = [](bool given, const std::map<std::string, std::string>& map) {
    return given ? json::Value(map) : json::Value();
  };
  std::string created = format_rfc3339(std::chrono::floor<std::chrono::seconds>(volume.created));
  return json::object({{"CreatedAt", created},
                       {"Driver", volume.driver},
                       {"Labels", map_or_null(volume.has_labels, volume.labels)},
                       {"Mountpoint", volume.mountpoint.native()},
                       {"Name", volume.name},
                       {"Options", map_or_null(volume.has_options, volume.options)},
                       {"Scope", "local"}});
}

namespace {

engine::Volumes& volumes(const Call& call) { return call.context.engine.volumes(); }

Result<> list_volumes(Call& call) {
  json::Array out;
  for (const auto& volume : TRY(volumes(call).list(TRY(call.filters())))) {
    out.push_back(volume_json(volume));
  }
  return call.reply(200, json::object({{"Volumes", std::move(out)}, {"Warnings", nullptr}}));
}

Result<> create_volume(Call& call) {
  json::Value body = TRY(call.json_body(volume_types()));
  TRY(check_named(body));
  engine::VolumeRequest request;
  request.name = body.string("Name");
  request.driver = body.string("Driver");
  request.labels = body.string_map("Labels");
  request.options = body.string_map("DriverOpts");
  request.has_labels = body.find("Labels") != nullptr && body.find("Labels")->is_object();
  request.has_options = !request.options.empty();
  return call.reply(201, volume_json(TRY(volumes(call).create(request))));
}

Result<> inspect_volume(Call& call) {
  return call.reply(200, volume_json(TRY(volumes(call).find(call.name))));
}

Result<> remove_volume(Call& call) {
  TRY(volumes(call).remove(call.name, call.flag("force")));
  return call.reply_empty(204);
}

Result<> prune_volumes(Call& call) {
  auto pruned = TRY(volumes(call).prune(TRY(call.filters())));
  return call.reply(
      200, json::object({{"VolumesDeleted", pruned.removed}, {"SpaceReclaimed", pruned.bytes}}));
}

constexpr Route kVolumeRoutes[] = {
    {"GET", "/volumes", list_volumes},         {"POST", "/volumes/create", create_volume},
    {"POST", "/volumes/prune", prune_volumes}, {"GET", "/volumes/*", inspect_volume},
    {"DELETE", "/volumes/*", remove_volume},
};

}  // namespace

std::span<const Route> volume_routes() { return kVolumeRoutes; }

}  // namespace skiff::api
