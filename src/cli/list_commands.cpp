// ps, images, history; inspect is in inspect_command.cpp.
#include <set>

#include "base/strings.h"
#include "cli/container_row.h"
#include "cli/image_row.h"
#include "cli/inspect.h"
#include "cli/listing.h"
#include "cli/table.h"
#include "oci/platform.h"

namespace skiff::cli {

namespace {

using enum FlagKind;

constexpr std::string_view kFormatHelp =
    "Print by a template: 'table', 'table TEMPLATE', 'json' or a Go TEMPLATE";

constexpr FlagSpec kPsFlags[] = {
    {"all", 'a', kBool, "Show all containers (default shows just running)"},
    {"filter", 'f', kList, "Show only what meets the condition", "filter"},
    {"format", 0, kString, kFormatHelp},
    {"last", 'n', kString, "Show the last n created containers, in any state (default -1)", "int"},
    {"latest", 'l', kBool, "Show the latest created container, in any state"},
    {"no-trunc", 0, kBool, "Don't truncate output"},
    {"quiet", 'q', kBool, "Only display container IDs"},
    {"size", 's', kBool, "Display total file sizes"},
};

Result<std::string> ps_query(const Flags& flags) {
  net::Query query;
  int64_t last = flags.on("latest") ? 1 : TRY(flags.number("last", -1));
  bool sizes = flags.on("size") || flags.get("format").find(".Size") != std::string::npos;
  if (flags.on("all")) query.add("all", "1");
  if (last > 0) query.add("limit", cat(last));
  if (sizes) query.add("size", "1");
  if (auto filters = TRY(filters_parameter(flags.all("filter"))); !filters.empty()) {
    query.add("filters", filters);
  }
  return query.str();
}

Outcome ps(Session& session, Flags& flags) {
  std::string query = TRY(ps_query(flags));
  std::string format = flags.get("format");
  if (flags.on("quiet") && !format.empty()) {
    print_error("WARNING: Ignoring custom format, because both --format and --quiet are set.\n");
    format.clear();
  }
  json::Value list = TRY(session.api.get(cat("/containers/json", query.empty() ? "" : "?", query)));
  std::vector<json::Value> rows;
  for (const auto& container : list.as_array()) {
    json::Value row = container_row(container, !flags.on("no-trunc"));
    if (wants_label(format)) row.set("Label", container.object("Labels"));
    rows.push_back(std::move(row));
  }
  const Column columns[] = {{"ID", "CONTAINER ID"},
                            {"Image", "IMAGE"},
                            {"Command", "COMMAND"},
                            {"RunningFor", "CREATED"},
                            {"Status", "STATUS"},
                            {"Ports", "PORTS"},
                            {"Names", "NAMES"},
                            {"Size", "SIZE", flags.on("size")},
                            {"CreatedAt", "CREATED AT", false},
                            {"State", "STATE", false},
                            {"Labels", "LABELS", false},
                            {"Mounts", "MOUNTS", false},
                            {"LocalVolumes", "LOCAL VOLUMES", false},
                            {"Networks", "NETWORKS", false}};
  print(TRY(format_listing(rows, columns, {format, flags.on("quiet")})));
  return 0;
}

constexpr FlagSpec kImagesFlags[] = {
    {"all", 'a', kBool, "Show all images (default hides intermediate images)"},
    {"digests", 0, kBool, "Show digests"},
    {"filter", 'f', kList, "Show only what meets the condition", "filter"},
    {"format", 0, kString, kFormatHelp},
    {"no-trunc", 0, kBool, "Don't truncate output"},
    {"quiet", 'q', kBool, "Only show image IDs"},
    {"tree", 0, kBool, "Show the platforms of each image"},
};

// Below the names of an image its platforms; those that are not here have no size.
void add_tree_rows(const json::Value& image, std::vector<std::vector<std::string>>& rows) {
  const auto size = [](const json::Value& sizes, std::string_view key) {
    return human_size(static_cast<double>(sizes.integer(key)));
  };
  const auto& manifests = image.array("Manifests");
  json::Value total = json::object({{"Total", 0}, {"Content", 0}});
  std::vector<std::vector<std::string>> below;
  for (const json::Value& manifest : manifests) {
    if (manifest.string("Kind") != "image") continue;
    const json::Value sizes(manifest.object("Size"));
    for (std::string_view key : {"Total", "Content"}) {
      total.set(key, total.integer(key) + sizes.integer(key));
    }
    const json::Value data(manifest.object("ImageData"));
    const auto platform = oci::Platform::from_json(json::Value(data.object("Platform"))).str();
    const bool here = manifest.boolean("Available");
    below.push_back({platform, short_id(manifest.string("ID")), here ? size(sizes, "Total") : "-",
                     here ? size(sizes, "Content") : "-"});
  }
  std::vector<std::string> names = image.strings("RepoTags");
  if (names.empty()) names.emplace_back("<untagged>");
  const json::Value target(image.object("Descriptor"));
  for (const std::string& name : names) {
    rows.push_back(
        {name, short_id(target.string("digest")), size(total, "Total"), size(total, "Content")});
  }
  for (size_t i = 0; i < below.size(); ++i) {
    below[i][0] = cat(i + 1 == below.size() ? "`- " : "|- ", below[i][0]);
    rows.push_back(std::move(below[i]));
  }
}

Outcome images(Session& session, Flags& flags) {
  std::vector<std::string> conditions = flags.all("filter");
  if (!flags.args.empty()) conditions.push_back(cat("reference=", flags.args[0]));
  net::Query query;
  if (flags.on("all")) query.add("all", "1");
  if (flags.on("tree")) query.add("manifests", "1");
  if (auto filters = TRY(filters_parameter(conditions)); !filters.empty()) {
    query.add("filters", filters);
  }
  std::string text = query.str();
  json::Value list = TRY(session.api.get(cat("/images/json", text.empty() ? "" : "?", text)));
  if (flags.on("tree")) {
    std::vector<std::vector<std::string>> tree{{"IMAGE", "ID", "DISK USAGE", "CONTENT SIZE"}};
    for (const auto& image : list.as_array()) add_tree_rows(image, tree);
    print(format_table(tree));
    return 0;
  }
  std::vector<json::Value> rows;
  std::set<std::string> shown;
  for (const auto& image : list.as_array()) {
    auto more = image_rows(image, !flags.on("no-trunc"));
    // -q shows an image once, however many names it has.
    if (flags.on("quiet") && flags.get("format").empty()) {
      more.resize(shown.insert(image.string("Id")).second ? 1 : 0);
    }
    rows.insert(rows.end(), more.begin(), more.end());
  }
  const Column columns[] = {{"Repository", "REPOSITORY"},
                            {"Tag", "TAG"},
                            {"Digest", "DIGEST", flags.on("digests")},
                            {"ID", "IMAGE ID"},
                            {"CreatedSince", "CREATED"},
                            {"Size", "SIZE"},
                            {"CreatedAt", "CREATED AT", false}};
  print(TRY(format_listing(rows, columns, {flags.get("format"), flags.on("quiet")})));
  return 0;
}

constexpr FlagSpec kHistoryFlags[] = {
    {"format", 0, kString, kFormatHelp},
    {"human", 'H', kBool, "Print sizes and dates in human readable format (default true)"},
    {"no-trunc", 0, kBool, "Don't truncate output"},
    {"platform", 0, kString, "Show the history of the image of this platform"},
    {"quiet", 'q', kBool, "Only show image IDs"},
};

json::Value history_row(const json::Value& step, bool human, bool truncate) {
  constexpr size_t kShown = 45;
  int64_t created = step.integer("Created");
  auto time = TimePoint(std::chrono::seconds(created));
  std::string by = replace_all(step.string("CreatedBy"), "\t", " ");
  std::string comment = step.string("Comment");
  std::string size =
      human ? human_size(static_cast<double>(step.integer("Size"))) : cat(step.integer("Size"));
  std::string id = step.string("Id");
  return json::object({{"Comment", comment},
                       {"CreatedAt", format_rfc3339(time)},
                       {"CreatedBy", truncate ? ellipsis(by, kShown) : by},
                       {"CreatedSince", human ? age(created) : format_rfc3339(time)},
                       {"ID", truncate ? short_id(id) : id},
                       {"Size", size}});
}

Outcome history(Session& session, Flags& flags) {
  net::Query query;
  if (flags.has("platform")) {
    auto platform = TRY(oci::Platform::parse(flags.get("platform")));
    query.add("platform", platform.to_json().dump());
  }
  std::string text = query.str();
  json::Value steps = TRY(
      session.api.get(image_path(flags.args[0], cat("/history", text.empty() ? "" : "?", text))));
  std::vector<json::Value> rows;
  for (const auto& step : steps.as_array()) {
    rows.push_back(history_row(step, flags.on("human", true), !flags.on("no-trunc")));
  }
  const Column columns[] = {
      {"ID", "IMAGE"},  {"CreatedSince", "CREATED"}, {"CreatedBy", "CREATED BY"},
      {"Size", "SIZE"}, {"Comment", "COMMENT"},      {"CreatedAt", "CREATED AT", false}};
  print(TRY(format_listing(rows, columns, {flags.get("format"), flags.on("quiet")})));
  return 0;
}

Outcome inspect_any(Session& session, Flags& flags) {
  return inspect(session, flags, flags.get("type"));
}
Outcome inspect_container(Session& session, Flags& flags) {
  return inspect(session, flags, "container");
}
Outcome inspect_image(Session& session, Flags& flags) { return inspect(session, flags, "image"); }

constexpr FlagSpec kInspectAnyFlags[] = {
    {"format", 'f', kString, "Print by a template: 'json' or a Go TEMPLATE"},
    {"size", 's', kBool, "Display total file sizes of containers"},
    {"type", 0, kString, "Only inspect objects of the type: container, image, network, volume"},
};
constexpr FlagSpec kInspectContainerFlags[] = {kInspectAnyFlags[0], kInspectAnyFlags[1]};
constexpr FlagSpec kInspectImageFlags[] = {
    kInspectAnyFlags[0], {"platform", 0, kString, "Inspect the image of this platform"}};

constexpr Command kListCommands[] = {
    {.name = "ps",
     .summary = "List containers",
     .flags = kPsFlags,
     .run = ps,
     .max_args = 0,
     .aliases = "container ls,container list,container ps"},
    {.name = "images",
     .usage = "[REPOSITORY[:TAG]]",
     .summary = "List images",
     .flags = kImagesFlags,
     .run = images,
     .max_args = 1,
     .aliases = "image ls,image list"},
    {.name = "history",
     .usage = "IMAGE",
     .summary = "Show the history of an image",
     .flags = kHistoryFlags,
     .run = history,
     .min_args = 1,
     .max_args = 1,
     .aliases = "image history"},
    {.name = "inspect",
     .usage = "NAME|ID [NAME|ID...]",
     .summary = "Return low-level information on objects of the engine",
     .flags = kInspectAnyFlags,
     .run = inspect_any,
     .min_args = 1},
    {.name = "container inspect",
     .usage = "CONTAINER [CONTAINER...]",
     .summary = "Display detailed information on one or more containers",
     .flags = kInspectContainerFlags,
     .run = inspect_container,
     .min_args = 1},
    {.name = "image inspect",
     .usage = "IMAGE [IMAGE...]",
     .summary = "Display detailed information on one or more images",
     .flags = kInspectImageFlags,
     .run = inspect_image,
     .min_args = 1},
};

}  // namespace

std::span<const Command> list_commands() { return kListCommands; }

}  // namespace skiff::cli
