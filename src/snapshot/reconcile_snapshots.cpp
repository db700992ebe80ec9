#include "snapshot/reconcile_snapshots.h"

#include <fcntl.h>

#include <set>

#include "base/log.h"
#include "base/strings.h"
#include "snapshot/layer_directory.h"
#include "snapshot/lower_dir.h"

namespace skiff::snapshot {

namespace {

Result<> remove_unknown_directories(const std::vector<SnapshotRow>& rows, const Path& directory,
                                    Trash& trash) {
  std::set<std::string> known;
  for (const SnapshotRow& row : rows) known.insert(std::to_string(row.id));
  const UniqueFd fd = TRY(open_file(directory, O_RDONLY | O_DIRECTORY));
  for (const std::string& name : TRY(list_directory(fd.get()))) {
    if (!known.contains(name)) TRY(trash.take(directory / name));
  }
  return {};
}

// A layer whose directory somebody removed can be unpacked again, unless others stand on it.
Result<> drop_lost_rows(const std::vector<SnapshotRow>& rows, const Path& directory,
                        SnapshotTable& table) {
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    const Path layer = directory / std::to_string(row->id);
    if (row->info.kind != Kind::kCommitted || has_files(layer)) continue;
    log_warn(cat("snapshot ", row->info.name, " lost its directory ", layer.native()));
    Result<> erased = table.erase(row->info.name);
    if (!erased && erased.error().code() != Code::kFailedPrecondition) return erased;
  }
  return {};
}

}  // namespace

Result<> reconcile_snapshots(SnapshotTable& table, const Path& directory, Trash& trash) {
  const std::vector<SnapshotRow> rows = TRY(table.all());
  TRY(remove_unknown_directories(rows, directory, trash));
  return drop_lost_rows(rows, directory, table);
}

}  // namespace skiff::snapshot
