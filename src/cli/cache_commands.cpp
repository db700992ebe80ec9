// builder du: what the build cache holds.
#include "base/strings.h"
#include "cli/listing.h"
#include "cli/session.h"
#include "cli/table.h"

namespace skiff::cli {

namespace {

using enum FlagKind;

constexpr FlagSpec kCacheUsageFlags[] = {
    {"filter", 0, kList,
     "Show only what meets the condition (\"until=24h\", \"id=TEXT\", \"type=regular\", "
     "\"inuse=false\", \"description~=REGEX\")",
     "filter"},
    {"format", 0, kString,
     "Print by a template: 'table', 'table TEMPLATE', 'json' or a Go TEMPLATE"},
    {"verbose", 0, kBool, "Show all of each record"},
};

std::string time_text(const json::Value& record, std::string_view field) {
  const auto point = parse_rfc3339(record.string(field));
  return point ? age(unix_seconds(*point)) : "";
}

std::string size_text(int64_t bytes) { return human_size(static_cast<double>(bytes), 4); }

json::Value row_of(const json::Value& record) {
  const bool in_use = record.boolean("InUse");
  return json::object({{"ID", record.string("ID")},
                       {"Parent", record.string("Parent")},
                       {"Type", record.string("Type")},
                       {"Description", record.string("Description")},
                       {"InUse", in_use ? "true" : "false"},
                       {"Shared", record.boolean("Shared") ? "true" : "false"},
                       {"Reclaimable", in_use ? "false" : "true"},
                       {"Size", size_text(record.integer("Size"))},
                       {"CreatedSince", time_text(record, "CreatedAt")},
                       {"LastUsedSince", time_text(record, "LastUsedAt")},
                       {"UsageCount", cat(record.integer("UsageCount"))}});
}

constexpr Column kCacheColumns[] = {{"ID", "ID"},
                                    {"Reclaimable", "RECLAIMABLE"},
                                    {"Size", "SIZE"},
                                    {"LastUsedSince", "LAST ACCESSED"},
                                    {"CreatedSince", "CREATED", false},
                                    {"Parent", "PARENT", false},
                                    {"Type", "TYPE", false},
                                    {"Description", "DESCRIPTION", false},
                                    {"InUse", "IN USE", false},
                                    {"Shared", "SHARED", false},
                                    {"UsageCount", "USAGE COUNT", false}};

std::string all_of(const std::vector<json::Value>& rows) {
  std::string out;
  for (const json::Value& row : rows) {
    for (const Column& column : kCacheColumns) {
      out += cat(column.field, ":\t", row.string(column.field), "\n");
    }
    out += "\n";
  }
  return out;
}

Outcome usage(Session& session, Flags& flags) {
  net::Query query;
  query.add("type", "build-cache");
  const std::string filters = TRY(filters_parameter(flags.all("filter")));
  if (!filters.empty()) query.add("filters", filters);
  const json::Value answer = TRY(session.api.get(cat("/system/df?", query.str())));
  std::vector<json::Value> rows;
  int64_t total = 0;
  int64_t shared = 0;
  int64_t reclaimable = 0;
  for (const json::Value& record : answer.array("BuildCache")) {
    rows.push_back(row_of(record));
    const int64_t size = record.integer("Size");
    total += size;
    if (record.boolean("Shared")) shared += size;
    if (!record.boolean("InUse")) reclaimable += size;
  }
  if (flags.has("format")) {
    print(TRY(format_listing(rows, kCacheColumns, {.format = flags.get("format")})));
    return 0;
  }
  print(flags.on("verbose") ? all_of(rows) : TRY(format_listing(rows, kCacheColumns, {})));
  if (shared > 0) {
    print(cat("Shared:\t\t", size_text(shared), "\nPrivate:\t", size_text(total - shared), "\n"));
  }
  print(cat("Reclaimable:\t", size_text(reclaimable), "\nTotal:\t\t", size_text(total), "\n"));
  return 0;
}

constexpr Command kCacheCommands[] = {
    {.name = "builder du",
     .summary = "Show what the build cache holds",
     .flags = kCacheUsageFlags,
     .run = usage,
     .max_args = 0},
};

}  // namespace

std::span<const Command> cache_commands() { return kCacheCommands; }

}  // namespace skiff::cli
