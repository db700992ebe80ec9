// volume create, inspect, ls, prune, rm.
#include <algorithm>

#include "base/strings.h"
#include "cli/inspect.h"
#include "cli/listing.h"
#include "cli/option_values.h"
#include "cli/prune.h"
#include "cli/session.h"

namespace skiff::cli {

namespace {

using enum FlagKind;

constexpr FlagSpec kCreateVolumeFlags[] = {
    {"driver", 'd', kString, "Volume driver (default \"local\")"},
    {"label", 0, kList, "Set metadata of the volume"},
    {"name", 0, kString, ""},
    {"opt", 'o', kList, "Options of the driver", "map"},
};

Outcome create_volume(Session& session, Flags& flags) {
  if (flags.has("name") && !flags.args.empty()) {
    return Error(Code::kInvalidArgument,
                 "conflicting options: cannot specify a volume-name through both --name and as a "
                 "positional arg");
  }
  json::Value labels = TRY(parse_labels(flags.all("label")));
  json::Value body = json::object({{"Name", flags.args.empty() ? flags.get("name") : flags.args[0]},
                                   {"Driver", flags.get("driver", "local")},
                                   {"DriverOpts", key_values(flags.all("opt"))},
                                   {"Labels", std::move(labels)}});
  print(TRY(session.api.post("/volumes/create", body)).string("Name") + "\n");
  return 0;
}

constexpr FlagSpec kInspectVolumeFlags[] = {
    {"format", 'f', kString, "Print by a template: 'json' or a Go TEMPLATE"},
};

Outcome inspect_volume(Session& session, Flags& flags) { return inspect(session, flags, "volume"); }

constexpr FlagSpec kListVolumesFlags[] = {
    {"filter", 'f', kList, "Show only what meets the condition (\"dangling=true\")", "filter"},
    {"format", 0, kString,
     "Print by a template: 'table', 'table TEMPLATE', 'json' or a Go TEMPLATE"},
    {"quiet", 'q', kBool, "Only display volume names"},
};

std::string labels_of(const json::Value& volume) {
  std::vector<std::string> out;
  for (const auto& [key, value] : volume.object("Labels")) {
    out.push_back(cat(key, "=", value.as_string()));
  }
  return join(out, ",");
}

Outcome list_volumes(Session& session, Flags& flags) {
  std::string filters = TRY(filters_parameter(flags.all("filter")));
  json::Value answer = TRY(session.api.get(
      filters.empty() ? "/volumes" : cat("/volumes?filters=", net::url_encode(filters))));
  json::Array volumes = answer.array("Volumes");
  std::sort(volumes.begin(), volumes.end(), [](const json::Value& a, const json::Value& b) {
    return a.string("Name") < b.string("Name");
  });
  std::vector<json::Value> rows;
  for (const auto& volume : volumes) {
    json::Value row = json::object({{"Availability", "N/A"},
                                    {"Driver", volume.string("Driver")},
                                    {"Group", "N/A"},
                                    {"Labels", labels_of(volume)},
                                    {"Links", "N/A"},
                                    {"Mountpoint", volume.string("Mountpoint")},
                                    {"Name", volume.string("Name")},
                                    {"Scope", volume.string("Scope")},
                                    {"Size", "N/A"},
                                    {"Status", "N/A"}});
    if (wants_label(flags.get("format"))) row.set("Label", volume.object("Labels"));
    rows.push_back(std::move(row));
  }
  constexpr Column kColumns[] = {{"Driver", "DRIVER"},
                                 {"Name", "VOLUME NAME"},
                                 {"Scope", "SCOPE", false},
                                 {"Mountpoint", "MOUNTPOINT", false},
                                 {"Labels", "LABELS", false}};
  print(TRY(format_listing(rows, kColumns, {flags.get("format"), flags.on("quiet"), "Name"})));
  return 0;
}

constexpr FlagSpec kRemoveVolumeFlags[] = {
    {"force", 'f', kBool, "Force the removal of one or more volumes"},
};

Outcome remove_volumes(Session& session, Flags& flags) {
  std::string rest = flags.on("force") ? "?force=1" : "";
  return for_each_argument(flags, [&](const std::string& name) -> Result<std::string> {
    TRY(session.api.remove(cat("/volumes/", net::url_encode(name), rest)));
    return name;
  });
}

constexpr FlagSpec kPruneVolumesFlags[] = {
    {"all", 'a', kBool, "Remove all unused volumes, not just anonymous ones"},
    {"filter", 0, kList, "Remove only what meets the condition (\"label=<label>\")", "filter"},
    {"force", 'f', kBool, "Do not prompt for confirmation"},
};

Outcome prune_unused_volumes(Session& session, Flags& flags) {
  std::vector<std::string> filters = flags.all("filter");
  if (flags.on("all")) filters.emplace_back("all=1");
  std::string warning = cat("WARNING! This will remove ", flags.on("all") ? "all" : "anonymous",
                            " local volumes not used by at least one container.");
  if (!confirmed(warning, flags.on("force"))) return 0;
  print(TRY(prune_volumes(session, filters)).report());
  return 0;
}

constexpr Command kVolumeCommands[] = {
    {.name = "volume create",
     .usage = "[VOLUME]",
     .summary = "Create a volume",
     .flags = kCreateVolumeFlags,
     .run = create_volume,
     .max_args = 1},
    {.name = "volume inspect",
     .usage = "VOLUME [VOLUME...]",
     .summary = "Display detailed information on one or more volumes",
     .flags = kInspectVolumeFlags,
     .run = inspect_volume,
     .min_args = 1},
    {.name = "volume ls",
     .summary = "List volumes",
     .flags = kListVolumesFlags,
     .run = list_volumes,
     .max_args = 0,
     .aliases = "volume list"},
    {.name = "volume rm",
     .usage = "VOLUME [VOLUME...]",
     .summary = "Remove one or more volumes",
     .flags = kRemoveVolumeFlags,
     .run = remove_volumes,
     .min_args = 1,
     .aliases = "volume remove"},
    {.name = "volume prune",
     .summary = "Remove unused local volumes",
     .flags = kPruneVolumesFlags,
     .run = prune_unused_volumes,
     .max_args = 0},
};

}  // namespace

std::span<const Command> volume_commands() { return kVolumeCommands; }

}  // namespace skiff::cli
