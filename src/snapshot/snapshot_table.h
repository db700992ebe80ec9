// SnapshotTable: the rows of snapshot.db: which snapshots there are, and on what they stand.
// An id names the snapshot's directory and is never used twice. Thread-safe.
#pragma once

#include <functional>
#include <map>
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
  std::string stamp;           // files_stamp() of what was last found right; "" where not known
  TimePoint verified;          // when an indexed layer was last read and found right
  uint64_t changes = 0;        // of its files since the table was opened
};

// What reading a layer's files gave.
struct Verdict {
  std::string damage;  // "" for none
  std::string stamp;
  TimePoint verified;
};

// What a layer's files are known by.
struct LayerFiles {
  std::string index;  // as above
  std::string stamp;
};

class SnapshotTable {
 public:
  static Result<SnapshotTable> open(const Path& file);

  Result<SnapshotRow> get(const std::string& name);  // kNotFound
  Result<std::vector<SnapshotRow>> all();            // parents before children
  // The ids that `name` stands on, topmost first, without its own.
  Result<std::vector<int64_t>> parents_of(const std::string& name);
  // The topmost of `name` and what it stands on that is known to be damaged.
  Result<std::optional<Info>> damaged_below(const std::string& name);
  Result<std::optional<Info>> damaged_below(int64_t id);
  // The ids and kinds of all that stands on it.
  Result<std::vector<std::pair<int64_t, Kind>>> above(int64_t id);

  // Adds a row on a committed parent ("" for none). `place` puts the directory where the id
  // says, before the row is committed; when it fails there is no row. `undo` takes it away
  // again where the row cannot be committed.
  Result<> add(const Info& info, const std::function<Result<>(int64_t id)>& place,
               const std::function<void(int64_t id)>& undo = {}, const LayerFiles& files = {});
  // Turns the active `key` into the committed `name`.
  Result<> commit(const std::string& key, const std::string& name, TimePoint when);
  // Refuses a parent (kFailedPrecondition).
  Result<> erase(const std::string& name);
  Result<> set_usage(const std::string& name, const Usage& usage);
  // Its files are others, or more.
  Result<> forget_usage(int64_t id);
  // Of new files, which are not damaged.
  Result<> set_files(int64_t id, const LayerFiles& files);
  // False, and nothing kept, where the row is gone, its files were changed or others were told of
  // them since it was `seen`: what was found is of something else.
  Result<bool> set_verified(const SnapshotRow& seen, const Verdict& found);
  // What SQLite finds wrong with the file itself.
  Result<std::vector<std::string>> faults();

 private:
  explicit SnapshotTable(Database db) : state_(std::make_unique<State>(std::move(db))) {}
  Result<SnapshotRow> find(const std::string& name);
  SnapshotRow row_of(const Statement& s) const;
  Result<> write_files(int64_t id, const LayerFiles& files);
  Result<> require_free(const std::string& name);
  struct State {
    explicit State(Database d) : db(std::move(d)) {}
    std::mutex mutex;
    Database db;
    int64_t last_id = 0;  // the last one that `add` tried
    std::map<int64_t, uint64_t> changes;
  };
  std::unique_ptr<State> state_;
};

}  // namespace skiff::snapshot
