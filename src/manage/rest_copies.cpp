// Backups of the registry, and what is taken in from another one's disk. A restore is none of it:
// it makes a root that nobody serves.
#include <algorithm>

#include "base/strings.h"
#include "manage/rest.h"
#include "registry/backup.h"
#include "registry/backup_directory.h"

namespace skiff::manage {

using registry::Answer;
using registry::Refusal;

namespace {

namespace backup = registry::backup;

constexpr const char* kBackups = "backups";

Answer<> list_backups(ApiCall& call) {
  std::vector<std::string> names;
  std::error_code none;
  for (std::filesystem::directory_iterator entries(call.api.root() / kBackups, none);
       !none && entries != std::filesystem::directory_iterator(); entries.increment(none)) {
    if (entries->is_directory(none)) names.push_back(entries->path().filename().native());
  }
  std::ranges::sort(names);
  json::Array out;
  for (const std::string& name : names) {
    const auto snapshots = backup::snapshots(call.api.root() / kBackups / name);
    if (!snapshots || snapshots->empty()) continue;
    out.push_back(json::object({{"name", name}, {"snapshots", *snapshots}}));
  }
  return reply_page(call, "backups", "name", out);
}

Answer<backup::Options> options_of(const ApiCall& call, registry::Blobs& blobs) {
  backup::Options options;
  if (call.body.boolean("copy")) options.placing = registry::Placing::kCopy;
  const int64_t keep = call.body.has("keep") ? call.body.integer("keep") : 1;
  if (keep < 1) return Refusal(kInvalid, "keep must be 1 or more");
  options.keep = static_cast<size_t>(keep);
  if (!call.body.boolean("blobs")) return options;
  if (blobs.files() != nullptr) {
    return Refusal(kInvalid, "blobs: they are in no S3 store, and are part of every backup");
  }
  options.elsewhere = &blobs;
  return options;
}

Answer<> make_backup(ApiCall& call) {
  registry::Registry* const registry = TRY(call.api.registry());
  const Path to = TRY(directory_below(call, kBackups));
  const backup::Options options = TRY(options_of(call, call.http.context.blobs));
  const auto held = registry->hold_removals();
  const backup::Summary made = TRY(as_answer(backup::make(call.api.root(), to, options)));
  return call.http.reply_json(json::object({{"snapshot", made.name},
                                            {"blobs", made.blobs},
                                            {"bytes", made.bytes},
                                            {"newBlobs", made.new_blobs},
                                            {"newBytes", made.new_bytes},
                                            {"elsewhere", made.elsewhere},
                                            {"damaged", made.damaged}}));
}

Answer<> import_tree(ApiCall& call) {
  const Path tree = TRY(directory_below(call, "imports"));
  return run_operation(
      call, "import",
      json::object({{"tree", tree.native()}, {"moveTags", call.body.boolean("moveTags")}}));
}

constexpr ApiRoute kCopyRoutes[] = {
    {"GET", "/backups", "", list_backups},
    {"POST", "/backups", "name! blobs:bool copy:bool keep:int", make_backup},
    {"POST", "/imports", "name! moveTags:bool", import_tree},
};

}  // namespace

std::span<const ApiRoute> copy_routes() { return kCopyRoutes; }

}  // namespace skiff::manage
