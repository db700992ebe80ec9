// Cache: which step gave which result, in SQLite (docs/formats/build-cache.md).
//
//   CacheHold hold(cache, lease);                // of one build
//   if (auto hit = TRY(cache.find(key, hold)))   // kept until the hold goes
//     return hit;
//   ... execute; lease the layer before its snapshot is committed ...
//   TRY(cache.put(record, hold));
//
// A record whose layer is gone is no hit, and dropped. Thread-safe.
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

  Result<std::optional<StepResult>> find(const std::string& key, CacheHold& hold);
  // Replaces records of the same keys.
  Result<> put(const NewRecord& record, CacheHold& hold);
  // Lets `key` lead to the record that `known` leads to.
  Result<> add_key(const std::string& key, const std::string& known);
  // Why a step with these parts has no record, compared with the most similar one; "" when
  // there is none to compare with.
  Result<std::string> explain_miss(const StepIdentity& identity, const KeyParts& parts);

  // Snapshots and blobs of all records.
  Result<images::ImageStore::Roots> roots();
  // Records with a layer. `shared_snapshots` are those that images have.
  Result<std::vector<CacheRecord>> records(const std::set<std::string>& shared_snapshots);
  // Forgets records, those without a layer along with the rest when `all`; the layers stay for
  // the collector. Returns the ids of records with a layer.
  Result<std::vector<std::string>> prune(const PruneOptions& options,
                                         const std::set<std::string>& shared_snapshots);
  // See builder::Builder::check.
  Result<size_t> check(const CheckOptions& options, const ProblemSink& report);

 private:
  friend class CacheHold;
  struct Row;
  Cache(Database db, std::function<bool(const Layer&)> present, const Clock& clock)
      : db_(std::move(db)), present_(std::move(present)), clock_(clock) {}
  Result<std::optional<Row>> row_of(const std::string& key);
  static Result<Row> read_row(const Statement& s);
  Result<std::vector<Row>> layer_rows();
  Result<> write_usage();
  Result<std::vector<std::string>> candidates(std::string_view where, const std::string& value,
                                              const std::string& platform);

  std::mutex mutex_;
  Database db_;
  std::function<bool(const Layer&)> present_;
  const Clock& clock_;
  std::map<std::string, int64_t> used_;  // record id -> hits not yet written down
  std::map<std::string, int> held_records_;
};

// What one build has found or made: neither pruned nor collected while this lives.
class CacheHold {
 public:
  // `lease` holds the layers; it outlives this.
  CacheHold(Cache& cache, images::ImageLease& lease) : cache_(cache), lease_(lease) {}
  CacheHold(const CacheHold&) = delete;
  CacheHold& operator=(const CacheHold&) = delete;
  // Also writes down how often records were used.
  ~CacheHold();

 private:
  friend class Cache;
  void keep_locked(const std::string& record);
  // Not with the cache locked: a collection asks the cache for its roots.
  Result<> lease_layer(const Layer& layer);
  Cache& cache_;
  images::ImageLease& lease_;
  std::vector<std::string> records_;
};

}  // namespace skiff::solver
