#include "cli/disk_usage.h"

#include "base/strings.h"
#include "cli/container_row.h"
#include "cli/image_row.h"
#include "cli/listing.h"
#include "cli/table.h"

namespace skiff::cli {

namespace {

struct Sum {
  std::string_view type;
  size_t total = 0;
  int64_t active = 0;
  int64_t size = 0;
  int64_t reclaimable = 0;
  bool with_share = true;  // the reclaimable part also in per cent
};

std::string bytes(int64_t count) { return human_size(static_cast<double>(count), 4); }

int64_t reference_count(const json::Value& volume) {
  const json::Value* usage = volume.find("UsageData");
  return usage != nullptr ? usage->integer("RefCount") : 0;
}

int64_t volume_size(const json::Value& volume) {
  const json::Value* usage = volume.find("UsageData");
  return usage != nullptr ? std::max<int64_t>(usage->integer("Size"), 0) : 0;
}

bool is_active(const json::Value& container) {
  std::string state = container.string("State");
  return state == "running" || state == "paused" || state == "restarting";
}

Sum images_sum(const json::Value& usage) {
  Sum sum{.type = "Images", .total = usage.array("Images").size()};
  sum.size = sum.reclaimable = usage.integer("LayersSize");
  for (const auto& image : usage.array("Images")) {
    if (image.integer("Containers") <= 0) continue;
    ++sum.active;
    sum.reclaimable -= image.integer("Size") - std::max<int64_t>(image.integer("SharedSize"), 0);
  }
  return sum;
}

Sum containers_sum(const json::Value& usage) {
  Sum sum{.type = "Containers", .total = usage.array("Containers").size()};
  for (const auto& container : usage.array("Containers")) {
    int64_t size = container.integer("SizeRw");
    sum.size += size;
    if (is_active(container)) {
      ++sum.active;
    } else {
      sum.reclaimable += size;
    }
  }
  return sum;
}

Sum volumes_sum(const json::Value& usage) {
  Sum sum{.type = "Local Volumes", .total = usage.array("Volumes").size()};
  for (const auto& volume : usage.array("Volumes")) {
    sum.size += volume_size(volume);
    if (reference_count(volume) > 0) {
      ++sum.active;
    } else {
      sum.reclaimable += volume_size(volume);
    }
  }
  return sum;
}

Sum cache_sum(const json::Value& usage) {
  Sum sum{.type = "Build Cache", .total = usage.array("BuildCache").size(), .with_share = false};
  for (const auto& record : usage.array("BuildCache")) {
    int64_t size = record.boolean("Shared") ? 0 : record.integer("Size");
    sum.size += size;
    if (record.boolean("InUse")) {
      ++sum.active;
    } else {
      sum.reclaimable += size;
    }
  }
  return sum;
}

json::Value sum_row(const Sum& sum) {
  std::string reclaimable = bytes(sum.reclaimable);
  if (sum.with_share && sum.size > 0) {
    reclaimable += cat(" (", sum.reclaimable * 100 / sum.size, "%)");
  }
  return json::object({{"Active", cat(sum.active)},
                       {"Reclaimable", reclaimable},
                       {"Size", bytes(sum.size)},
                       {"TotalCount", cat(sum.total)},
                       {"Type", sum.type}});
}

Result<std::string> image_details(const json::Value& usage) {
  std::vector<json::Value> rows;
  for (const auto& image : usage.array("Images")) {
    for (auto& row : image_rows(image, true)) {
      int64_t shared = std::max<int64_t>(image.integer("SharedSize"), 0);
      row.set("SharedSize", bytes(shared));
      row.set("UniqueSize", bytes(image.integer("Size") - shared));
      rows.push_back(std::move(row));
    }
  }
  constexpr Column kColumns[] = {{"Repository", "REPOSITORY"},
                                 {"Tag", "TAG"},
                                 {"ID", "IMAGE ID"},
                                 {"CreatedSince", "CREATED"},
                                 {"Size", "SIZE"},
                                 {"SharedSize", "SHARED SIZE"},
                                 {"UniqueSize", "UNIQUE SIZE"},
                                 {"Containers", "CONTAINERS"}};
  return format_listing(rows, kColumns, {});
}

Result<std::string> container_details(const json::Value& usage) {
  std::vector<json::Value> rows;
  for (const auto& container : usage.array("Containers")) {
    rows.push_back(container_row(container, true));
    rows.back().set("Size", human_size(static_cast<double>(container.integer("SizeRw"))));
  }
  constexpr Column kColumns[] = {{"ID", "CONTAINER ID"}, {"Image", "IMAGE"},
                                 {"Command", "COMMAND"}, {"LocalVolumes", "LOCAL VOLUMES"},
                                 {"Size", "SIZE"},       {"RunningFor", "CREATED"},
                                 {"Status", "STATUS"},   {"Names", "NAMES"}};
  return format_listing(rows, kColumns, {});
}

Result<std::string> volume_details(const json::Value& usage) {
  std::vector<json::Value> rows;
  for (const auto& volume : usage.array("Volumes")) {
    rows.push_back(json::object({{"Name", volume.string("Name")},
                                 {"Links", cat(reference_count(volume))},
                                 {"Size", bytes(volume_size(volume))}}));
  }
  constexpr Column kColumns[] = {{"Name", "VOLUME NAME"}, {"Links", "LINKS"}, {"Size", "SIZE"}};
  return format_listing(rows, kColumns, {});
}

std::string age_of(const std::string& time) {
  auto point = parse_rfc3339(time);
  return point ? age(unix_seconds(*point)) : "";
}

Result<std::string> cache_details(const json::Value& usage) {
  std::vector<json::Value> rows;
  for (const auto& record : usage.array("BuildCache")) {
    rows.push_back(json::object({{"ID", short_id(record.string("ID"))},
                                 {"CacheType", record.string("Type")},
                                 {"Size", human_size(static_cast<double>(record.integer("Size")))},
                                 {"CreatedSince", age_of(record.string("CreatedAt"))},
                                 {"LastUsedSince", age_of(record.string("LastUsedAt"))},
                                 {"UsageCount", cat(record.integer("UsageCount"))},
                                 {"Shared", record.boolean("Shared") ? "true" : "false"}}));
  }
  constexpr Column kColumns[] = {
      {"ID", "CACHE ID"},          {"CacheType", "CACHE TYPE"},    {"Size", "SIZE"},
      {"CreatedSince", "CREATED"}, {"LastUsedSince", "LAST USED"}, {"UsageCount", "USAGE"},
      {"Shared", "SHARED"}};
  return format_listing(rows, kColumns, {});
}

}  // namespace

Result<std::string> disk_usage_summary(const json::Value& usage, const std::string& format) {
  std::vector<json::Value> rows;
  for (const Sum& sum :
       {images_sum(usage), containers_sum(usage), volumes_sum(usage), cache_sum(usage)}) {
    rows.push_back(sum_row(sum));
  }
  // Docker knows no such row: only where there is something to tell.
  if (const int64_t left = usage.integer("SkiffInterrupted"); left > 0) {
    rows.push_back(sum_row({.type = "Interrupted Pulls", .size = left, .reclaimable = left}));
    for (const char* count : {"TotalCount", "Active"}) rows.back().set(count, "-");
  }
  constexpr Column kColumns[] = {{"Type", "TYPE"},
                                 {"TotalCount", "TOTAL"},
                                 {"Active", "ACTIVE"},
                                 {"Size", "SIZE"},
                                 {"Reclaimable", "RECLAIMABLE"}};
  return format_listing(rows, kColumns, {format, false});
}

std::string storage_limit_line(const json::Value& usage) {
  const json::Value* storage = usage.find("SkiffStorage");
  if (storage == nullptr) return "";
  return cat("\nImages and build cache may take ", bytes(storage->integer("Limit")), "; ",
             bytes(storage->integer("Used")), " are taken.\n");
}

Result<std::string> disk_usage_details(const json::Value& usage) {
  return cat("Images space usage:\n\n", TRY(image_details(usage)), "\nContainers space usage:\n\n",
             TRY(container_details(usage)), "\nLocal Volumes space usage:\n\n",
             TRY(volume_details(usage)), "\nBuild cache usage: ", bytes(cache_sum(usage).size),
             "\n\n", TRY(cache_details(usage)));
}

}  // namespace skiff::cli
