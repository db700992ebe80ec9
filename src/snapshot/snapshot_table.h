// SnapshotTable: the rows of snapshot.db: which snapshots there are, and on what they stand.
// An id names the snapshot's directory and is never used twice. Thread-safe.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "db/database.h"
#include "snapshot/snapshotter.h"

namespace skiff::snapshot {

struct SnapshotRow {
  int64_t id = 0;
  Info info;
  std::optional<Usage> usage;  // counted once a committed snapshot was asked for it
  std::string index;           // SHA-256 of an indexed layer's index, "" where it is not known
  TimePoint verified;          // when an indexed layer was last read and found right
  std::string damage;          // what is wrong with its content, as far as that was noticed
};

class SnapshotTable {
 public:
  static Result<SnapshotTable> open(const Path& file);

  Result<SnapshotRow> get(const std::string& name);  // kNotFound
  Result<std::vector<SnapshotRow>> all();            // parents before children
  // The ids that `name` stands on, topmost first, without its own.
  Result<std::vector<int64_t>> parents_of(const std::string& name);

  // Adds a row on a committed parent ("" for none). `place` puts the directory where the id
  // says, before the row is committed; when it fails there is no row. `undo` takes it away
  // again where the row cannot be committed.
  Result<> add(const Info& info, const std::function<Result<>(int64_t id)>& place,
               const std::function<void(int64_t id)>& undo = {}, const std::string& index = "");
  // Turns the active `key` into the committed `name`.
  Result<> commit(const std::string& key, const std::string& name, TimePoint when);
  // Refuses a parent (kFailedPrecondition).
  Result<> erase(const std::string& name);
  Result<> set_usage(const std::string& name, const Usage& usage);
  Result<> forget_usage(int64_t id);
  // Of a new index, which is not damaged.
  Result<> set_index(int64_t id, const std::string& index);
  Result<> set_verified(int64_t id, TimePoint when, const std::string& damage);
  // What SQLite finds wrong with the file itself.
  Result<std::vector<std::string>> faults();

 private:
  explicit SnapshotTable(Database db) : state_(std::make_unique<State>(std::move(db))) {}
  Result<SnapshotRow> find(const std::string& name);
  Result<> write_index(int64_t id, const std::string& index);
  Result<> require_free(const std::string& name);
  struct State {
    explicit State(Database d) : db(std::move(d)) {}
    std::mutex mutex;
    Database db;
    int64_t last_id = 0;  // the last one that `add` tried
  };
  std::unique_ptr<State> state_;
};

}  // namespace skiff::snapshot
