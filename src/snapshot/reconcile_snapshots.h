// What a crash leaves, put right when a snapshotter opens.
#pragma once

#include "base/trash.h"
#include "snapshot/snapshot_table.h"

namespace skiff::snapshot {

// Of ROOT/snapshots, `directory`:
// - a directory without a row (made or removed in part): it goes;
// - a committed row without its directory (somebody removed it): the row goes, with a warning,
//   unless others stand on it.
Result<> reconcile_snapshots(SnapshotTable& table, const Path& directory, Trash& trash);

}  // namespace skiff::snapshot
