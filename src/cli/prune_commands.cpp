// container prune, image prune, builder prune, system prune.
#include "base/strings.h"
#include "cli/option_values.h"
#include "cli/prune.h"

namespace skiff::cli {

namespace {

using enum FlagKind;

constexpr FlagSpec kFilter = {"filter", 0, kList,
                              "Remove only what meets the condition (\"until=24h\")", "filter"};
constexpr FlagSpec kForce = {"force", 'f', kBool, "Do not prompt for confirmation"};

constexpr FlagSpec kContainerFlags[] = {kFilter, kForce};
constexpr FlagSpec kImageFlags[] = {
    {"all", 'a', kBool, "Remove all unused images, not just dangling ones"}, kFilter, kForce};
constexpr FlagSpec kBuilderFlags[] = {
    {"all", 'a', kBool, "Remove all unused build cache, not just dangling ones"},
    kFilter,
    kForce,
    {"reserved-space", 0, kString, "Disk space that the cache always keeps", "bytes"},
    {"max-used-space", 0, kString, "Most that the cache keeps", "bytes"},
    {"min-free-space", 0, kString, "Disk space that is to be free then", "bytes"},
    {"keep-storage", 0, kString, "Older word for --reserved-space", "bytes"}};
constexpr FlagSpec kSystemFlags[] = {
    {"all", 'a', kBool, "Remove all unused images, not just dangling ones"},
    kFilter,
    kForce,
    {"volumes", 0, kBool, "Prune anonymous volumes"}};

Outcome prune_container(Session& session, Flags& flags) {
  if (!confirmed("WARNING! This will remove all stopped containers.", flags.on("force"))) return 0;
  print(TRY(prune_containers(session, flags.all("filter"))).report());
  return 0;
}

Outcome prune_image(Session& session, Flags& flags) {
  bool all = flags.on("all");
  std::string what =
      all ? "all images without at least one container associated to them" : "all dangling images";
  if (!confirmed(cat("WARNING! This will remove ", what, "."), flags.on("force"))) return 0;
  print(TRY(prune_images(session, flags.all("filter"), all)).report());
  return 0;
}

Result<net::Query> sizes_of(const Flags& flags) {
  net::Query out;
  for (const char* flag : {"keep-storage", "reserved-space", "max-used-space", "min-free-space"}) {
    if (flags.has(flag)) out.add(flag, cat(TRY(parse_bytes(cat("--", flag), flags.get(flag)))));
  }
  return out;
}

Outcome prune_builder(Session& session, Flags& flags) {
  bool all = flags.on("all");
  const net::Query sizes = TRY(sizes_of(flags));
  if (!confirmed(cat("WARNING! This will remove all ", all ? "" : "dangling ", "build cache."),
                 flags.on("force"))) {
    return 0;
  }
  print(TRY(prune_build_cache(session, flags.all("filter"), all, sizes)).report());
  return 0;
}

std::string system_warning(const Flags& flags) {
  bool all = flags.on("all");
  return cat(
      "WARNING! This will remove:\n  - all stopped containers\n"
      "  - all networks not used by at least one container\n",
      flags.on("volumes") ? "  - all anonymous volumes not used by at least one container\n" : "",
      all ? "  - all images without at least one container associated to them\n  - all build "
            "cache\n"
          : "  - all dangling images\n  - unused build cache\n");
}

Outcome prune_system(Session& session, Flags& flags) {
  const auto& filters = flags.all("filter");
  if (!confirmed(system_warning(flags), flags.on("force"))) return 0;
  bool all = flags.on("all");
  Pruned total;
  auto add = [&](const Pruned& pruned) {
    if (!pruned.deleted.empty()) print(cat(pruned.deleted, "\n"));
    total.bytes += pruned.bytes;
  };
  add(TRY(prune_containers(session, filters)));
  add(TRY(prune_networks(session, filters)));
  if (flags.on("volumes")) add(TRY(prune_volumes(session, filters)));
  add(TRY(prune_images(session, filters, all)));
  add(TRY(prune_build_cache(session, filters, all)));
  print(total.report());
  return 0;
}

constexpr Command kPruneCommands[] = {
    {.name = "container prune",
     .summary = "Remove all stopped containers",
     .flags = kContainerFlags,
     .run = prune_container,
     .max_args = 0},
    {.name = "image prune",
     .summary = "Remove unused images",
     .flags = kImageFlags,
     .run = prune_image,
     .max_args = 0},
    {.name = "builder prune",
     .summary = "Remove build cache",
     .flags = kBuilderFlags,
     .run = prune_builder,
     .max_args = 0},
    {.name = "system prune",
     .summary = "Remove unused data",
     .flags = kSystemFlags,
     .run = prune_system,
     .max_args = 0},
};

}  // namespace

std::span<const Command> prune_commands() { return kPruneCommands; }

}  // namespace skiff::cli
