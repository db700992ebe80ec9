// What the check of a snapshotter compares: rows with directories, both ways, and what is kept
// of a layer with the name it has.
#pragma once

#include <functional>

#include "base/problem.h"
#include "snapshot/snapshot_table.h"

namespace skiff::snapshot {

struct SnapshotCheck {
  SnapshotTable& table;
  Path database;
  Path directory;  // ROOT/snapshots
  const CheckOptions& options;
  const ProblemSink& report;
  const CancelToken& cancel;
  std::recursive_mutex& changing;  // see layer_stack.h
  // Whether the directory ID is being removed just now, its row being gone already.
  std::function<bool(int64_t id)> is_going;
  std::function<Result<>(const std::string& name)> remove;  // a snapshot nobody stands on
  std::function<Result<>(const SnapshotRow& row)> remake_index;
  std::function<Result<>(const SnapshotRow& row)> drop_forms;
};

// Works beside all else. Files that were touched since they were found right are read, with `deep`
// all. Repair removes directories without a row; makes a layer's index that is lost or changed
// again from its tar, where that is whole; drops other forms of a layer that were changed (`deep`),
// which are made anew when they are needed; and removes a layer whose files are lost or changed
// together with those above it, as long as no container or build step stands on them: they come
// back from their blobs when they are needed.
Result<> check_snapshots(const SnapshotCheck& check);

}  // namespace skiff::snapshot
