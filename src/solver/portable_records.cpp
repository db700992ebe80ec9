#include "solver/portable_records.h"

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "oci/image_config.h"
#include "solver/key_parts.h"
#include "solver/predecessors.h"

namespace skiff::solver {

namespace {

constexpr int kVersion = 1;
constexpr size_t kKeyDigits = 64;

// What every record says: that these keys lead from here to there.
json::Value encode_step(const NewRecord& record) {
  json::Value out = json::object({{"keys", record.keys},
                                  {"parent", record.parent},
                                  {"result", record.result.id},
                                  {"created", unix_nanos(record.result.created)},
                                  {"began", unix_nanos(record.result.began)}});
  if (record.result.layer) out.set("diffId", record.result.layer->diff_id.str());
  return out;
}

json::Value encode_record(const NewRecord& record) {
  json::Value out = encode_step(record);
  out.set("description", record.identity.description);
  out.set("platform", record.identity.platform);
  out.set("place", record.identity.place);
  out.set("text", record.identity.text);
  out.set("parts", encode_parts(record.parts));
  if (record.result.layer) out.set("blob", record.result.layer->blob.to_json());
  return out;
}

Error malformed(std::string_view why) {
  return Error(Code::kInvalidArgument, cat("record of a build cache: ", why));
}

bool is_key(const std::string& key) {
  return key.size() == kKeyDigits && key.find_first_not_of("0123456789abcdef") == std::string::npos;
}

TimePoint time_in(const json::Value& value, std::string_view field) {
  return TimePoint(std::chrono::nanoseconds(value.integer(field)));
}

// The layer's blob is not known yet.
Result<Layer> decode_layer(const json::Value& value, const std::string& parent) {
  Layer layer{.diff_id = TRY(oci::Digest::parse(value.string("diffId")))};
  layer.snapshot = parent.empty() ? layer.diff_id.str()
                                  : oci::Digest::of(cat(parent, " ", layer.diff_id.str())).str();
  return layer;
}

Result<NewRecord> decode_step(const json::Value& value) {
  NewRecord record{.keys = value.strings("keys"), .parent = value.string("parent")};
  const bool keys_right = !record.keys.empty() && std::ranges::all_of(record.keys, is_key);
  if (!keys_right) return malformed("it has no keys");
  if (!record.parent.empty()) TRY(oci::Digest::parse(record.parent));
  record.result = {.id = value.string("result"),
                   .created = time_in(value, "created"),
                   .began = time_in(value, "began")};
  std::string expected = record.parent;
  if (value.has("diffId")) {
    record.result.layer = TRY(decode_layer(value, record.parent));
    expected = record.result.layer->snapshot;
  }
  if (record.result.id != expected) return malformed("its result is not what its layer gives");
  return record;
}

Result<NewRecord> decode_record(const json::Value& value) {
  NewRecord record = TRY(decode_step(value));
  record.identity = {.description = value.string("description"),
                     .platform = value.string("platform"),
                     .place = value.string("place"),
                     .text = value.string("text")};
  record.parts = TRY(decode_parts(value.string("parts")));
  if (!record.result.layer) return record;
  const json::Value* blob = value.find("blob");
  if (blob == nullptr) return malformed("its layer has no blob");
  record.result.layer->blob = TRY(oci::Descriptor::from_json(*blob));
  return record;
}

}  // namespace

std::string encode_cache(const PortableCache& cache) {
  json::Array records;
  for (const NewRecord& record : cache.records) records.push_back(encode_record(record));
  json::Array mounts;
  for (const PortableMount& mount : cache.mounts) {
    mounts.push_back(json::object({{"id", mount.id}, {"blob", mount.blob.to_json()}}));
  }
  return json::object({{"version", kVersion},
                       {"records", json::Value(std::move(records))},
                       {"mounts", json::Value(std::move(mounts))}})
      .dump();
}

Result<PortableCache> decode_cache(std::string_view text) {
  const json::Value document = TRY_CONTEXT(json::parse(text), "records of a build cache");
  if (document.integer("version") != kVersion) return malformed("its version is unknown");
  PortableCache out;
  for (const json::Value& row : document.array("records")) {
    out.records.push_back(TRY(decode_record(row)));
  }
  for (const json::Value& row : document.array("mounts")) {
    PortableMount mount{.id = row.string("id")};
    const json::Value* blob = row.find("blob");
    if (blob == nullptr || mount.id.empty()) return malformed("a mount has no id or no blob");
    mount.blob = TRY(oci::Descriptor::from_json(*blob));
    out.mounts.push_back(std::move(mount));
  }
  return out;
}

std::optional<json::Value> encode_inline(std::vector<NewRecord> records,
                                         const std::vector<oci::Digest>& layers,
                                         const std::optional<TimePoint>& newest) {
  std::set<std::string> grounds{""};  // what its steps without a layer stand on
  for (size_t i = 1; i <= layers.size(); ++i) grounds.insert(oci::chain_id(layers, i).str());
  std::erase_if(records, [&](const NewRecord& record) {
    if (!record.result.layer) return !grounds.contains(record.result.id);
    return std::ranges::find(layers, record.result.layer->diff_id) == layers.end();
  });
  if (records.empty()) return std::nullopt;
  // Side by side they came in any order.
  std::ranges::sort(records, {}, [](const NewRecord& record) { return record.keys.front(); });
  json::Array rows;
  for (NewRecord& record : records) {
    if (newest) {
      record.result.created = std::min(record.result.created, *newest);
      record.result.began = std::min(record.result.began, *newest);
    }
    rows.push_back(encode_step(record));
  }
  return json::object({{"version", kVersion}, {"records", json::Value(std::move(rows))}});
}

Result<std::vector<NewRecord>> decode_inline(const json::Value& value,
                                             const std::vector<oci::Digest>& layers,
                                             const std::vector<oci::Descriptor>& blobs) {
  if (value.integer("version") != kVersion) return malformed("its version is unknown");
  if (layers.size() != blobs.size()) return malformed("its image has not a blob for each layer");
  std::vector<NewRecord> out;
  for (const json::Value& row : value.array("records")) {
    NewRecord record = TRY(decode_step(row));
    if (record.result.layer) {
      const auto layer = std::ranges::find(layers, record.result.layer->diff_id);
      if (layer == layers.end()) return malformed("its image has no such layer");
      record.result.layer->blob = blobs[static_cast<size_t>(layer - layers.begin())];
    }
    out.push_back(std::move(record));
  }
  return out;
}

PortableCache unite(PortableCache first, const PortableCache& second) {
  std::set<std::string> keys;
  for (const NewRecord& record : first.records) {
    keys.insert(record.keys.begin(), record.keys.end());
  }
  for (const NewRecord& record : second.records) {
    const bool known = std::ranges::any_of(
        record.keys, [&](const std::string& key) { return keys.contains(key); });
    if (!known) first.records.push_back(record);
  }
  for (const PortableMount& mount : second.mounts) {
    const auto own = std::ranges::find(first.mounts, mount.id, &PortableMount::id);
    if (own == first.mounts.end()) first.mounts.push_back(mount);
  }
  return first;
}

void ImportedRecords::add(std::vector<NewRecord> records, Fetch fetch) {
  sources_.push_back(
      std::make_unique<Source>(Source{.records = std::move(records), .fetch = std::move(fetch)}));
  const Source& source = *sources_.back();
  for (const NewRecord& record : source.records) {
    for (const std::string& key : record.keys) by_key_.try_emplace(key, &record);
    owners_.emplace(&record, &source);
  }
}

const NewRecord* ImportedRecords::find(const std::string& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : found->second;
}

Result<NewRecord> ImportedRecords::fetch(const NewRecord& record, const CancelToken& cancel) const {
  NewRecord own = record;
  TRY(owners_.at(&record)->fetch(own, cancel));
  return own;
}

std::vector<EarlierStep> ImportedRecords::similar(const StepIdentity& identity,
                                                  std::string_view parent) const {
  std::vector<EarlierStep> out;
  for (const auto& source : sources_) {
    for (const NewRecord& record : source->records) {
      const StepIdentity& other = record.identity;
      const bool is_like = other.place == identity.place || other.text == identity.text ||
                           (record.parent == parent && !parent.empty());
      if (record.parts.empty() || !is_like) continue;
      out.push_back({.record = record.keys.front(),
                     .parent = record.parent,
                     .identity = other,
                     .used = unix_nanos(record.result.created),
                     .imported = &record.parts});
    }
  }
  return out;
}

}  // namespace skiff::solver
