#include "solver/cache.h"

#include <algorithm>

#include "base/log.h"
#include "base/strings.h"
#include "solver/key_parts.h"

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
)",
                                       R"(
CREATE TABLE gone(
  key TEXT PRIMARY KEY,
  why TEXT NOT NULL,
  at INTEGER NOT NULL);
CREATE INDEX gone_by_time ON gone(at);
ALTER TABLE records ADD COLUMN began INTEGER NOT NULL DEFAULT 0;
CREATE INDEX records_by_parent ON records(parent);
)",
                                       // Parts are long: they stand apart from what is searched.
                                       R"(
CREATE TABLE step_parts(
  record TEXT PRIMARY KEY REFERENCES records(id) ON DELETE CASCADE,
  parts TEXT NOT NULL);
INSERT INTO step_parts SELECT id, parts FROM records;
ALTER TABLE records DROP COLUMN parts;
)",
                                       // Keys are made in another way: what no key leads to any
                                       // more only explains, and holds no layer.
                                       R"(
DELETE FROM keys;
UPDATE records SET snapshot = '';
)"};

constexpr std::string_view kLayerGone = "its layer was gone";

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
    "id, result, snapshot, diff_id, blob, blob_type, blob_size, size, created, description, "
    "began";

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
          .result = {.id = s.text(1),
                     .created = time_at(s.integer(8)),
                     .began = time_at(s.integer(10))},
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
  auto found = TRY(look_at(key, hold));
  if (!found) return found;
  const std::scoped_lock lock(mutex_);
  Statement s = TRY(db_.prepare("SELECT record FROM keys WHERE key = ?", key));
  if (TRY(s.step())) {
    Uses& uses = used_[s.text(0)];
    ++uses.count;
    uses.last = unix_nanos(clock_.now());
  }
  return found;
}

Result<std::optional<StepResult>> Cache::look_at(const std::string& key, CacheHold& hold) {
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
  if (!lost) return std::move(row->result);
  const std::scoped_lock lock(mutex_);
  log_info(cat("build cache: the layer of ", row->id.substr(0, 12), " is gone"));
  TRY(forget({row->id}, kLayerGone));
  return std::nullopt;
}

Result<> Cache::put(const NewRecord& record, CacheHold& hold) {
  const StepResult& result = record.result;
  const std::string& id = record.keys.front();
  const Layer layer = result.layer.value_or(Layer{});
  const bool has_layer = result.layer.has_value();
  int64_t now = unix_nanos(clock_.now());
  std::string parts = encode_parts(record.parts);
  const std::scoped_lock lock(mutex_);
  Transaction tx = TRY(db_.begin());
  for (const std::string& key : record.keys) {
    TRY(db_.run("DELETE FROM records WHERE id = ? OR id IN (SELECT record FROM keys WHERE key = ?)",
                key, key));
  }
  TRY(db_.run("INSERT INTO records VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,0,?)", id, result.id,
              record.parent, layer.snapshot, has_layer ? layer.diff_id.str() : "",
              has_layer ? layer.blob.digest.str() : "", layer.blob.media_type,
              static_cast<int64_t>(layer.blob.size), static_cast<int64_t>(layer.size),
              record.identity.description, record.identity.platform, record.identity.place,
              record.identity.text, unix_nanos(result.created), now, unix_nanos(result.began)));
  TRY(db_.run("INSERT INTO step_parts VALUES(?, ?)", id, parts));
  for (const std::string& key : record.keys) {
    TRY(db_.run("INSERT INTO keys(key, record) VALUES(?, ?)", key, id));
    TRY(db_.run("DELETE FROM gone WHERE key = ?", key));
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

Result<std::vector<std::string>> Cache::similar(const std::string& parent,
                                                const StepIdentity& identity,
                                                const StepResult& result) {
  constexpr int kMost = 2;
  constexpr int kSlack = 64 << 10;  // blocks of the disk, and of an index
  const std::scoped_lock lock(mutex_);
  // Of records of one result the first one made it: the others' times are not those of its files.
  Statement s = TRY(
      db_.prepare(cat("SELECT (SELECT id FROM records AS made WHERE made.result = records.result "
                      "AND parent = ?1 AND platform = ?2 ORDER BY began LIMIT 1), "
                      "max(place = ?5) AS near, max(max(created, used)) AS last FROM "
                      "records WHERE parent = ?1 AND platform = ?2 AND snapshot <> '' AND "
                      "result <> ?3 AND abs(size - ?4) <= ",
                      kSlack, " GROUP BY result ORDER BY near DESC, last DESC LIMIT ", kMost),
                  parent, identity.platform, result.id, static_cast<int64_t>(result.layer->size),
                  identity.place));
  std::vector<std::string> out;
  while (TRY(s.step())) out.push_back(s.text(0));
  return out;
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
      TRY(forget({row.id}, kLayerGone));
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

Result<std::vector<NewRecord>> Cache::records_of(const CacheHold& hold) {
  const std::scoped_lock lock(mutex_);
  std::vector<NewRecord> out;
  for (const std::string& id : std::set<std::string>(hold.records_.begin(), hold.records_.end())) {
    Statement s = TRY(db_.prepare(cat("SELECT ", kRowColumns,
                                      ", parent, platform, place, text, parts FROM records "
                                      "JOIN step_parts ON record = id WHERE id = ?"),
                                  id));
    if (!TRY(s.step())) continue;  // replaced since
    Row row = TRY(read_row(s));
    NewRecord record{.keys = {id}, .parent = s.text(11), .result = std::move(row.result)};
    record.identity = {.description = row.description,
                       .platform = s.text(12),
                       .place = s.text(13),
                       .text = s.text(14)};
    record.parts = TRY(decode_parts(s.text(15)));
    Statement keys =
        TRY(db_.prepare("SELECT key FROM keys WHERE record = ? AND key <> record", id));
    while (TRY(keys.step())) record.keys.push_back(keys.text(0));
    out.push_back(std::move(record));
  }
  return out;
}

Result<> Cache::write_usage() {
  usage_written_ = clock_.now();
  if (used_.empty()) return {};
  Transaction tx = TRY(db_.begin());
  for (const auto& [id, uses] : used_) {
    TRY(db_.run("UPDATE records SET used = ?, uses = uses + ? WHERE id = ?", uses.last, uses.count,
                id));
  }
  TRY(tx.commit());
  used_.clear();
  return {};
}

Cache::~Cache() {
  if (auto written = write_usage(); !written) {
    log_warn(cat("build cache: ", written.error().message()));
  }
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
                       .created = time_at(s.integer(5)),
                       .last_used = time_at(s.integer(6)),
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

Result<std::vector<std::string>> Cache::remove(const std::vector<std::string>& ids) {
  std::vector<std::string> removed;
  const std::scoped_lock lock(mutex_);
  for (const std::string& id : ids) {
    if (!held_records_.contains(id)) removed.push_back(id);
  }
  TRY(forget(removed, "pruned"));
  return removed;
}

Result<> Cache::remove_layerless() {
  const std::scoped_lock lock(mutex_);
  TRY(db_.run("DELETE FROM records WHERE snapshot = ''"));
  return {};
}

// What waits for the disk at the end of each build would be most of one that is cached.
CacheHold::~CacheHold() {
  constexpr std::chrono::minutes kEvery{1};
  const std::scoped_lock lock(cache_.mutex_);
  for (const std::string& id : records_) drop_count(cache_.held_records_, id);
  if (cache_.clock_.now() - cache_.usage_written_ < kEvery) return;
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
