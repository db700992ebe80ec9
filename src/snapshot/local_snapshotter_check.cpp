// What the local snapshotter finds wrong with itself, and how it puts that right.
#include <fcntl.h>

#include <algorithm>

#include "base/log.h"
#include "base/strings.h"
#include "snapshot/indexed_layer.h"
#include "snapshot/layer_directory.h"
#include "snapshot/layer_forms.h"
#include "snapshot/layer_replacement.h"
#include "snapshot/local_snapshotter.h"
#include "snapshot/snapshot_check.h"

namespace skiff::snapshot {

Result<> LocalSnapshotter::check(const CheckOptions& options, const ProblemSink& report,
                                 const CancelToken& cancel) {
  settle();
  auto is_going = [&](int64_t id) {
    const std::scoped_lock lock(mutex_);
    return going_.contains(id);
  };
  return check_snapshots({.table = table_,
                          .database = database(),
                          .directory = snapshots(),
                          .options = options,
                          .report = report,
                          .cancel = cancel,
                          .changing = changing_,
                          .is_going = is_going,
                          .remove = [&](const std::string& name) { return remove(name); },
                          .remake_index = [&](const auto& row) { return remake_index(row); },
                          .drop_forms = [&](const auto& row) -> Result<> {
                            TRY(drop_forms(row.id));
                            return table_.set_files(row.id,
                                                    {.index = row.index, .stamp = row.stamp});
                          }});
}

Result<> LocalSnapshotter::require_whole(int64_t id) {
  if (const auto damaged = TRY(table_.damaged_below(id))) return damaged_layer(*damaged);
  return {};
}

Result<> LocalSnapshotter::drop_forms(int64_t id) {
  const std::scoped_lock lock(changing_);
  TRY(retire_forms(directory_of(id), files_));
  stack_.renew(id);
  TRY(table_.forget_usage(id));
  return take_retired(id);
}

// From the layer's tar, of which the copy that comes with it is not needed.
Result<> LocalSnapshotter::remake_index(const SnapshotRow& row) {
  const auto remake = [&]() -> Result<> {
    const std::scoped_lock lock(changing_);
    const Lowers lowers = TRY(lowers_of(row.info.name));
    const TempDir made = TRY(TempDir::make(staging(), ""));
    const UniqueFd file = TRY(open_file(directory_of(row.id) / kTarName, O_RDONLY));
    FdSource tar(file.get());
    const LayerTreeOptions options{.is_lowest = row.info.parent.empty(),
                                   .implied_mtime = row.info.created};
    const auto layer = TRY(IndexedLayer::read(tar, made.path(), options, files_, {}));
    const std::string index = TRY(layer->write_index(lowers.trees));
    TRY(files_.rename(made.path() / kIndexName, directory_of(row.id) / kIndexName));
    TRY(files_.sync_directory(directory_of(row.id)));
    return renew(row.id, index);
  };
  return remake().context(cat("make the index of layer ", row.info.name));
}

// What others stand on keeps its row and its directory. With `changing_` held.
Result<> LocalSnapshotter::replace(const SnapshotRow& damaged, const TempDir& made,
                                   const std::string& index) {
  const Path layer = directory_of(damaged.id);
  TRY_CONTEXT(replace_layer(made.path(), layer, files_),
              cat("replace damaged layer ", damaged.info.name));
  TRY(table_.forget_usage(damaged.id));
  TRY(renew(damaged.id, index));
  return take_retired(damaged.id);
}

// The layer has other files now, which are right. What was made of those before may not be. With
// `changing_` held, from before they are there.
Result<> LocalSnapshotter::renew(int64_t id, const std::string& index) {
  stack_.renew(id);
  for (const auto& [above, kind] : TRY(table_.above(id))) {
    if (kind == Kind::kCommitted && has_forms(directory_of(above))) TRY(drop_forms(above));
  }
  return table_.set_files(id, {.index = index, .stamp = files_stamp(directory_of(id))});
}

// Once no container can see it any more, and nothing here reads it; what stays goes with its layer.
Result<> LocalSnapshotter::take_retired(int64_t id) {
  const Path retired = directory_of(id) / kRetiredName;
  if (!is_present(retired)) return {};
  const std::scoped_lock lock(changing_);
  if (stack_.is_held(id)) return {};
  const auto above = TRY(table_.above(id));
  const auto is_used = [](const auto& each) { return each.second != Kind::kCommitted; };
  return std::ranges::any_of(above, is_used) ? Result<>() : trash_->take(retired);
}

// Of layers on which one container less stands.
void LocalSnapshotter::free_retired(const std::vector<int64_t>& layers) {
  for (const int64_t id : layers) {
    const Result<> taken = take_retired(id);
    if (!taken) log_warn(taken.error().message());
  }
}

// What an earlier version, or a process that ended, left in the layers' directories.
Result<> LocalSnapshotter::tidy_layers() {
  for (const SnapshotRow& row : TRY(table_.all())) {
    if (row.info.kind != Kind::kCommitted) continue;
    if (has_form_without_digest(directory_of(row.id))) {
      TRY(drop_forms(row.id));
      if (is_of_no_digest(row.info.damage)) {
        TRY(table_.set_files(row.id, {.index = row.index, .stamp = row.stamp}));
      }
    }
    TRY(take_retired(row.id));
  }
  return {};
}

}  // namespace skiff::snapshot
