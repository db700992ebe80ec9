// Cache: which step gave which result, in SQLite (docs/formats/build-cache.md).
//
//   CacheHold hold(cache, lease);                // of one build
//   if (auto hit = TRY(cache.find(key, hold)))   // kept until the hold goes
//     return hit;
//   ... execute; lease the layer before its snapshot is committed ...
//   TRY(cache.put(record, hold));
//
// A record whose layer is gone is no hit, and dropped. How often records were used is written down
// now and then: a crash forgets the last minute of it. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/problem.h"
#include "db/database.h"
#include "images/image_store.h"
#include "solver/cache_record.h"
#include "solver/solver.h"

namespace skiff::solver {

struct EarlierStep;

struct NewRecord {
  std::vector<std::string> keys;  // the first is the record's id
  std::string parent;             // id of the result that the step stood on
  StepIdentity identity;
  KeyParts parts;
  StepResult result;
};

class Cache {
 public:
  // `present` tells whether a layer's snapshot and blob are still there.
  static Result<std::unique_ptr<Cache>> open(const Path& file,
                                             std::function<bool(const Layer&)> present,
                                             const Clock& clock);

  ~Cache();
  Result<std::optional<StepResult>> find(const std::string& key, CacheHold& hold);
  // The same to look at it, which is no use of it.
  Result<std::optional<StepResult>> look_at(const std::string& key, CacheHold& hold);
  // Replaces records of the same keys.
  Result<> put(const NewRecord& record, CacheHold& hold);
  // Lets `key` lead to the record that `known` leads to.
  Result<> add_key(const std::string& key, const std::string& known);
  // Ids of the records that a new result is most likely the same as: on the same parent, of other
  // files, about as large.
  Result<std::vector<std::string>> similar(const std::string& parent, const StepIdentity& identity,
                                           const StepResult& result);
  // Why a step of these keys and parts has no record: it had one that went, or what differs from
  // the most similar one, here or imported; without one it was never built before.
  Result<Miss> explain_miss(const StepIdentity& identity, const std::vector<std::string>& keys,
                            const KeyParts& parts, const ImportedRecords* imported = nullptr);
  // All that a build has found or made, to be used elsewhere.
  Result<std::vector<NewRecord>> records_of(const CacheHold& hold);

  // What the layers of all records may take, from now on: `collect` frees those that no record
  // names any more. See cache_room.h. 0: no limit.
  void set_limit(uint64_t bytes, std::function<Result<>()> collect) {
    limit_ = bytes;
    collect_ = std::move(collect);
  }
  bool has_limit() const { return limit_ > 0; }

  // Snapshots and blobs of all records.
  Result<images::ImageStore::Roots> roots();
  // Records with a layer. `shared_snapshots` are those that images have.
  Result<std::vector<CacheRecord>> records(const std::set<std::string>& shared_snapshots);
  // Forgets these but those that a build has found or made meanwhile, and returns their ids; the
  // layers stay for the collector.
  Result<std::vector<std::string>> remove(const std::vector<std::string>& ids);
  // Forgets records without a layer.
  Result<> remove_layerless();
  // See builder::Builder::check.
  Result<size_t> check(const CheckOptions& options, const ProblemSink& report);

 private:
  friend class CacheHold;
  friend class CacheRoom;
  struct Row;
  Cache(Database db, std::function<bool(const Layer&)> present, const Clock& clock)
      : db_(std::move(db)), present_(std::move(present)), clock_(clock) {}
  Result<std::optional<Row>> row_of(const std::string& key);
  static Result<Row> read_row(const Statement& s);
  Result<std::vector<Row>> layer_rows();
  Result<> write_usage();
  // Records to compare a step on `parent` with: of the same place, text, or parent.
  Result<std::vector<EarlierStep>> candidates(const StepIdentity& identity,
                                              std::string_view parent);
  // As encode_parts() has them; "" of one that has gone.
  Result<std::string> parts_of(const std::string& record);
  // Drops records; their keys remember why, for a while.
  Result<> forget(const std::vector<std::string>& records, std::string_view why);
  // "evicted (pruned on 2026-11-29)", "" where none of the keys had a record.
  Result<std::string> eviction_of(const std::vector<std::string>& keys);

  enum class Evict { kNothing, kOldest };
  Result<> take(uint64_t bytes, Evict evict);
  void give_back(uint64_t bytes);
  Result<uint64_t> stored_bytes();
  // Records used longest ago that nobody holds, of so many bytes together; none where there are not
  // so many.
  Result<std::vector<std::string>> oldest(uint64_t bytes);

  uint64_t limit_ = 0;
  std::function<Result<>()> collect_;
  std::mutex mutex_;
  uint64_t taken_ = 0;  // for layers that have no record yet
  Database db_;
  std::function<bool(const Layer&)> present_;
  const Clock& clock_;
  struct Uses {
    int64_t count = 0;
    int64_t last = 0;
  };
  std::map<std::string, Uses> used_;  // of record ids, not yet written down
  TimePoint usage_written_;
  std::map<std::string, int> held_records_;
};

// What one build has found or made: neither pruned nor collected while this lives.
class CacheHold {
 public:
  // `lease` holds the layers; it outlives this.
  CacheHold(Cache& cache, images::ImageLease& lease) : cache_(cache), lease_(lease) {}
  CacheHold(const CacheHold&) = delete;
  CacheHold& operator=(const CacheHold&) = delete;
  ~CacheHold();

 private:
  friend class Cache;
  friend class Solver;
  void keep_locked(const std::string& record);
  // Not with the cache locked: a collection asks the cache for its roots.
  Result<> lease_layer(const Layer& layer);
  Cache& cache_;
  images::ImageLease& lease_;
  std::vector<std::string> records_;
};

}  // namespace skiff::solver
