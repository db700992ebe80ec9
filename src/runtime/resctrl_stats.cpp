#include "runtime/resctrl_stats.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "base/strings.h"

namespace skiff::runtime {

namespace {

// What of a processor is divided: its directory in "info", which is also the name of its schema,
// and the keys it is told by.
struct Divided {
  const char* name;
  const char* info_key;
  const char* root_key;
  const char* key;
  std::vector<const char*> numbers;
};

const std::vector<Divided>& divided() {
  static const std::vector<Divided> all = {
      {"L3",
       "l3_cache_info",
       "l3_cache_schema_root",
       "l3_cache_schema",
       {"min_cbm_bits", "num_closids"}},
      {"MB",
       "mem_bw_info",
       "mem_bw_schema_root",
       "mem_bw_schema",
       {"bandwidth_gran", "delay_linear", "min_bandwidth", "num_closids"}}};
  return all;
}

std::string text_of(const Path& file) {
  const Result<std::string> text = read_file(file);
  return text ? std::string(trim(*text)) : std::string();
}

void add_number(const Path& directory, const char* name, json::Value& to) {
  if (const auto number = parse_uint(text_of(directory / name))) to.set(name, *number);
}

void add_schema(const Path& group, const Divided& of, const char* key, json::Value& to) {
  for (const std::string& line : split(text_of(group / "schemata"), '\n')) {
    if (line.find(of.name) != std::string::npos) to.set(key, trim(line));
  }
}

void add_divided(const Path& root, const Path& group, const Divided& of, json::Value& to) {
  const Path directory = root / "info" / of.name;
  std::error_code none;
  if (!std::filesystem::is_directory(directory, none)) return;
  json::Value info = json::object();
  // Of the cache alone.
  if (std::string mask = text_of(directory / "cbm_mask"); !mask.empty()) info.set("cbm_mask", mask);
  for (const char* name : of.numbers) add_number(directory, name, info);
  to.set(of.info_key, std::move(info));
  add_schema(root, of, of.root_key, to);
  add_schema(group, of, of.key, to);
}

// One entry a cache, each with those of `features` that the kernel counts.
void add_counts(const Path& root, const Path& group, const std::vector<const char*>& features,
                const char* key, json::Value& to) {
  const std::vector<std::string> known = split(text_of(root / "info/L3_MON/mon_features"), '\n');
  std::vector<Path> caches;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(group / "mon_data", none)) {
    if (entry.path().filename().native().starts_with("mon_L3")) caches.push_back(entry.path());
  }
  std::sort(caches.begin(), caches.end());
  json::Array counts;
  for (const Path& cache : caches) {
    json::Value count = json::object();
    for (const char* feature : features) {
      if (std::find(known.begin(), known.end(), feature) == known.end()) continue;
      add_number(cache, feature, count);
    }
    if (!count.as_object().empty()) counts.push_back(std::move(count));
  }
  if (!counts.empty()) to.set(key, std::move(counts));
}

}  // namespace

json::Value resctrl_stats(const std::optional<OciIntelRdt>& rdt, const std::string& id,
                          const Path& root) {
  json::Value stats = json::object();
  if (!rdt) return stats;
  const Path group = root / (rdt->clos_id.empty() ? id : rdt->clos_id);
  for (const Divided& of : divided()) add_divided(root, group, of, stats);
  const Path counted = rdt->monitoring ? group / "mon_groups" / id : group;
  add_counts(root, counted, {"mbm_total_bytes", "mbm_local_bytes"}, "mbm_stats", stats);
  add_counts(root, counted, {"llc_occupancy"}, "cmt_stats", stats);
  return stats;
}

}  // namespace skiff::runtime
