#include "solver/cache.h"

#include <algorithm>

#include "base/log.h"
#include "base/strings.h"
#include "codec/json.h"

namespace skiff::solver {

namespace {

constexpr const char* kMigrations[] = {R"(
CREATE TABLE records(
  id TEXT PRIMARY KEY,
  result TEXT NOT NULL,
  parent TEXT NOT NULL,
  snapshot TEXT NOT NULL,
  diff_id TEXT NOT NULL,
  blob TEXT NOT NULL,
  blob_type TEXT NOT NULL,
  blob_size INTEGER NOT NULL,
  size INTEGER NOT NULL,
  description TEXT NOT NULL,
  platform TEXT NOT NULL,
  place TEXT NOT NULL,
  text TEXT NOT NULL,
  parts TEXT NOT NULL,
  created INTEGER NOT NULL,
  used INTEGER NOT NULL,
  uses INTEGER NOT NULL);
CREATE INDEX records_by_place ON records(place);
CREATE INDEX records_by_text ON records(text);
CREATE TABLE keys(
  key TEXT PRIMARY KEY,
  record TEXT NOT NULL REFERENCES records(id) ON DELETE CASCADE);
CREATE INDEX keys_by_record ON keys(record);
)"};

// Records that a miss is compared with.
constexpr int kCandidates = 8;

TimePoint time_of(int64_t ns) { return TimePoint(std::chrono::nanoseconds(ns)); }

std::string encode(const KeyParts& parts) {
  json::Array rows;
  for (const KeyPart& part : parts) {
    rows.push_back(json::array({static_cast<int>(part.kind), part.name, part.value}));
  }
  return json::Value(std::move(rows)).dump();
}

Result<KeyParts> decode(const std::string& text) {
  json::Value rows = TRY_CONTEXT(json::parse(text), "cache record");
  KeyParts parts;
  for (const json::Value& row : rows.as_array()) {
    const json::Array& fields = row.as_array();
    if (fields.size() != 3) return Error(Code::kDataLoss, "cache record: malformed parts");
    parts.push_back(
        {static_cast<PartKind>(fields[0].as_int()), fields[1].as_string(), fields[2].as_string()});
  }
  return parts;
}

void drop_count(auto& counts, const auto& key) {
  auto found = counts.find(key);
  if (found != counts.end() && --found->second == 0) counts.erase(found);
}

}  // namespace

struct Cache::Row {
  std::string id;
  StepResult result;
  std::string description;
};

namespace {

constexpr std::string_view kRowColumns =
    "id, result, snapshot, diff_id, blob, blob_type, blob_size, size, created, description";

}  // namespace

Result<std::unique_ptr<Cache>> Cache::open(const Path& file,
                                           std::function<bool(const Layer&)> present,
                                           const Clock& clock) {
  Database db = TRY_CONTEXT(Database::open(file, kMigrations), "open build cache");
  return std::unique_ptr<Cache>(new Cache(std::move(db), std::move(present), clock));
}

Result<std::optional<Cache::Row>> Cache::row_of(const std::string& key) {
  Statement s = TRY(db_.prepare(
      cat("SELECT ", kRowColumns, " FROM records JOIN keys ON record = id WHERE key = ?"), key));
  if (!TRY(s.step())) return std::nullopt;
  return TRY(read_row(s));
}

Result<Cache::Row> Cache::read_row(const Statement& s) {
  Row row{.id = s.text(0),
          .result = {.id = s.text(1), .created = time_of(s.integer(8))},
          .description = s.text(9)};
  if (s.text(2).empty()) return row;
  Layer layer{.diff_id = TRY(oci::Digest::parse(s.text(3))), .snapshot = s.text(2)};
  layer.blob.media_type = s.text(5);
  layer.blob.digest = TRY(oci::Digest::parse(s.text(4)));
  layer.blob.size = static_cast<uint64_t>(s.integer(6));
  layer.size = static_cast<uint64_t>(s.integer(7));
  row.result.layer = std::move(layer);
  return row;
}

Result<std::optional<StepResult>> Cache::find(const std::string& key, CacheHold& hold) {
  std::optional<Row> row;
  {
    const std::scoped_lock lock(mutex_);
    row = TRY(row_of(key));
    if (!row) return std::nullopt;
    hold.keep_locked(row->id);
  }
  // Held before it is looked for: what is there then stays.
  if (row->result.layer) TRY(hold.lease_layer(*row->result.layer));
  bool lost = row->result.layer && !present_(*row->result.layer);
  const std::scoped_lock lock(mutex_);
  if (!lost) {
    ++used_[row->id];
    return std::move(row->result);
  }
  log_info(cat("build cache: the layer of ", row->id.substr(0, 12), " is gone"));
  TRY(db_.run("DELETE FROM records WHERE id = ?", row->id));
  return std::nullopt;
}

Result<> Cache::put(const NewRecord& record, CacheHold& hold) {
  const StepResult& result = record.result;
  const std::string& id = record.keys.front();
  const Layer layer = result.layer.value_or(Layer{});
  const bool has_layer = result.layer.has_value();
  int64_t now = unix_nanos(clock_.now());
  std::string parts = encode(record.parts);
  const std::scoped_lock lock(mutex_);
  Transaction tx = TRY(db_.begin());
  for (const std::string& key : record.keys) {
    TRY(db_.run("DELETE FROM records WHERE id = ? OR id IN (SELECT record FROM keys WHERE key = ?)",
                key, key));
  }
  TRY(db_.run("INSERT INTO records VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,0)", id, result.id,
              record.parent, layer.snapshot, has_layer ? layer.diff_id.str() : "",
              has_layer ? layer.blob.digest.str() : "", layer.blob.media_type,
              static_cast<int64_t>(layer.blob.size), static_cast<int64_t>(layer.size),
              record.identity.description, record.identity.platform, record.identity.place,
              record.identity.text, parts, unix_nanos(result.created), now));
  for (const std::string& key : record.keys) {
    TRY(db_.run("INSERT INTO keys(key, record) VALUES(?, ?)", key, id));
  }
  TRY(tx.commit());
  hold.keep_locked(id);
  return {};
}

Result<> Cache::add_key(const std::string& key, const std::string& known) {
  const std::scoped_lock lock(mutex_);
  TRY(db_.run("INSERT OR REPLACE INTO keys(key, record) SELECT ?, record FROM keys WHERE key = ?",
              key, known));
  return {};
}

Result<std::vector<std::string>> Cache::candidates(std::string_view where, const std::string& value,
                                                   const std::string& platform) {
  Statement s =
      TRY(db_.prepare(cat("SELECT parts FROM records WHERE ", where,
                          " AND platform = ? ORDER BY max(created, used) DESC LIMIT ", kCandidates),
                      value, platform));
  std::vector<std::string> out;
  while (TRY(s.step())) out.push_back(s.text(0));
  return out;
}

Result<std::string> Cache::explain_miss(const StepIdentity& identity, const KeyParts& parts) {
  std::vector<std::string> rows;
  {
    const std::scoped_lock lock(mutex_);
    TRY(write_usage());  // the candidates' order is that of their last use
    for (std::string_view where : {"place || char(10) || text = ?", "text = ?", "place = ?"}) {
      std::string value = where.starts_with("text")     ? identity.text
                          : where.ends_with("text = ?") ? cat(identity.place, "\n", identity.text)
                                                        : identity.place;
      rows = TRY(candidates(where, value, identity.platform));
      if (!rows.empty()) break;
    }
  }
  std::optional<KeyParts> nearest;
  size_t fewest = 0;
  for (const std::string& row : rows) {
    KeyParts before = TRY(decode(row));
    size_t count = count_differences(before, parts);
    if (count == 0 || (nearest && count >= fewest)) continue;
    nearest = std::move(before);
    fewest = count;
  }
  return nearest ? explain_difference(*nearest, parts) : "";
}

Result<std::vector<Cache::Row>> Cache::layer_rows() {
  Statement s = TRY(db_.prepare(
      cat("SELECT ", kRowColumns, " FROM records WHERE snapshot <> '' ORDER BY created, id")));
  std::vector<Row> rows;
  while (TRY(s.step())) rows.push_back(TRY(read_row(s)));
  return rows;
}

Result<size_t> Cache::check(const CheckOptions& options, const ProblemSink& report) {
  std::vector<Row> rows;
  std::vector<std::string> faults;
  {
    const std::scoped_lock lock(mutex_);
    faults = TRY(db_.faults());
    rows = TRY(layer_rows());
  }
  for (const std::string& fault : faults) {
    report({.what = fault,
            .where = "builder/cache.db",
            .remedy = "stop the daemon and delete it: builds run all steps again"});
  }
  for (const Row& row : rows) {
    if (present_(*row.result.layer)) continue;
    Problem problem{.what = cat("build cache: the layer of ", row.description, " is gone"),
                    .where = cat("builder/cache.db, record ", row.id.substr(0, 12)),
                    .remedy = kRepairRemedy};
    if (options.repair) {
      const std::scoped_lock lock(mutex_);
      TRY(db_.run("DELETE FROM records WHERE id = ?", row.id));
      problem.remedy = "dropped: the step runs again";
      problem.mended = true;
    }
    report(problem);
  }
  return rows.size();
}

Result<images::ImageStore::Roots> Cache::roots() {
  images::ImageStore::Roots roots;
  const std::scoped_lock lock(mutex_);
  Statement s = TRY(db_.prepare("SELECT snapshot, blob FROM records WHERE snapshot <> ''"));
  while (TRY(s.step())) {
    roots.snapshots.push_back(s.text(0));
    roots.blobs.push_back(TRY(oci::Digest::parse(s.text(1))));
  }
  return roots;
}

Result<> Cache::write_usage() {
  if (used_.empty()) return {};
  Transaction tx = TRY(db_.begin());
  for (const auto& [id, count] : used_) {
    TRY(db_.run("UPDATE records SET used = ?, uses = uses + ? WHERE id = ?",
                unix_nanos(clock_.now()), count, id));
  }
  TRY(tx.commit());
  used_.clear();
  return {};
}

Result<std::vector<CacheRecord>> Cache::records(const std::set<std::string>& shared_snapshots) {
  const std::scoped_lock lock(mutex_);
  TRY(write_usage());
  std::map<std::string, std::string> makers;  // result -> record
  Statement s = TRY(db_.prepare(
      "SELECT id, parent, description, size + blob_size, snapshot, created, used, uses, result "
      "FROM records WHERE snapshot <> '' ORDER BY created, id"));
  std::vector<CacheRecord> out;
  while (TRY(s.step())) {
    CacheRecord record{.id = s.text(0),
                       .parent = s.text(1),
                       .description = s.text(2),
                       .size = static_cast<uint64_t>(s.integer(3)),
                       .in_use = held_records_.contains(s.text(0)),
                       .shared = shared_snapshots.contains(s.text(4)),
                       .created = time_of(s.integer(5)),
                       .last_used = time_of(s.integer(6)),
                       .usage_count = s.integer(7)};
    makers.emplace(s.text(8), record.id);
    out.push_back(std::move(record));
  }
  for (CacheRecord& record : out) {
    auto maker = makers.find(record.parent);
    record.parent = maker == makers.end() ? "" : maker->second;
  }
  return out;
}

Result<std::vector<std::string>> Cache::prune(const PruneOptions& options,
                                              const std::set<std::string>& shared_snapshots) {
  std::vector<CacheRecord> records = TRY(this->records(shared_snapshots));
  std::ranges::stable_sort(records, std::greater(), &CacheRecord::last_used);
  TimePoint now = clock_.now();
  std::vector<std::string> removed;
  uint64_t kept = 0;
  const std::scoped_lock lock(mutex_);
  Transaction tx = TRY(db_.begin());
  for (const CacheRecord& record : records) {
    bool young = options.until && now - record.last_used < *options.until;
    bool fits = kept + record.size <= options.keep_bytes;
    bool stays =
        held_records_.contains(record.id) || young || fits || (record.shared && !options.all);
    if (stays) {
      kept += record.size;
      continue;
    }
    TRY(db_.run("DELETE FROM records WHERE id = ?", record.id));
    removed.push_back(record.id);
  }
  if (options.all && !options.until && options.keep_bytes == 0) {
    TRY(db_.run("DELETE FROM records WHERE snapshot = ''"));
  }
  TRY(tx.commit());
  return removed;
}

CacheHold::~CacheHold() {
  const std::scoped_lock lock(cache_.mutex_);
  for (const std::string& id : records_) drop_count(cache_.held_records_, id);
  if (auto written = cache_.write_usage(); !written) {
    log_warn(cat("build cache: ", written.error().message()));
  }
}

void CacheHold::keep_locked(const std::string& record) {
  ++cache_.held_records_[record];
  records_.push_back(record);
}

Result<> CacheHold::lease_layer(const Layer& layer) {
  TRY(lease_.hold(layer.blob.digest));
  return lease_.hold_snapshots({layer.snapshot});
}

}  // namespace skiff::solver
