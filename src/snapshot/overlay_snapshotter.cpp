// The overlay back end: each snapshot is a directory, stacked by overlayfs.
//
// ROOT/snapshots/ID/fs is a layer in overlayfs's form, or an active snapshot's upper directory,
// beside which stands ID/work. ROOT/new holds what is being made: it is renamed into snapshots/
// when it is whole, and emptied at start. A row in snapshot.db makes a snapshot exist; it is
// written last and deleted first.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "base/log.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "content/root_lock.h"
#include "snapshot/file_attributes.h"
#include "snapshot/layer_apply.h"
#include "snapshot/layer_diff.h"
#include "snapshot/lower_dir.h"
#include "snapshot/snapshot_table.h"
#include "snapshot/snapshotter.h"
#include "snapshot/tree_usage.h"

namespace skiff::snapshot {

namespace {

class OverlaySnapshotter : public Snapshotter {
 public:
  OverlaySnapshotter(Path root, content::RootLock lock, SnapshotTable table, DurableFiles& files,
                     const Clock& clock)
      : root_(std::move(root)),
        lock_(std::move(lock)),
        table_(std::move(table)),
        files_(files),
        clock_(clock) {}

  std::string_view backend() const override { return "overlay"; }

  Result<> unpack(const std::string& name, const std::string& parent, Source& tar,
                  const CancelToken& cancel) override;
  Result<> prepare(const std::string& key, const std::string& parent) override;
  Result<> view(const std::string& key, const std::string& parent) override;
  Result<Mount> mount_of(const std::string& key) override;
  Result<> commit(const std::string& name, const std::string& key) override;
  Result<> remove(const std::string& name) override;
  Result<Info> stat(const std::string& name) override { return TRY(table_.get(name)).info; }
  Result<Usage> usage(const std::string& name) override;
  Result<> walk(const std::function<Result<>(const Info&)>& visit) override;
  Result<> diff(const std::string& key, Sink& tar) override;
  Result<std::vector<Change>> changes(const std::string& key) override;

  // Removes what a crash left: see the top of the file.
  Result<> clean_up();

 private:
  Path snapshots() const { return root_ / "snapshots"; }
  Path staging() const { return root_ / "new"; }
  Path directory_of(int64_t id) const { return snapshots() / std::to_string(id); }
  Path tree_of(int64_t id) const { return directory_of(id) / "fs"; }

  Result<std::vector<Path>> lowers_of(const std::string& name);
  Result<std::vector<Path>> layers_from(const std::string& parent);
  Result<TempDir> make_tree(const std::vector<Path>& lowers);
  Result<> publish(TempDir made, int64_t id);
  void remove_directory(int64_t id);
  Result<Path> own_tree(const SnapshotRow& row, const std::vector<Path>& lowers);
  Result<SnapshotRow> get(const std::string& name, Kind kind);
  Result<std::pair<Path, std::vector<Path>>> changed_tree(const std::string& key);
  Result<> remove_unknown_directories(const std::vector<SnapshotRow>& rows);
  Result<> drop_lost_rows(const std::vector<SnapshotRow>& rows);

  Path root_;
  content::RootLock lock_;
  SnapshotTable table_;
  DurableFiles& files_;
  const Clock& clock_;
};

// Everything written to the file system of `directory` is on disk: one call instead of an
// fsync a file.
Result<> sync_file_system(const Path& directory) {
  UniqueFd fd = TRY(open_file(directory, O_RDONLY | O_DIRECTORY));
  if (::syncfs(fd.get()) != 0) return Error::from_errno(errno, cat("sync ", directory.native()));
  return {};
}

Result<> OverlaySnapshotter::unpack(const std::string& name, const std::string& parent, Source& tar,
                                    const CancelToken& cancel) {
  auto unpack_and_add = [&]() -> Result<> {
    if (table_.get(name)) return Error(Code::kAlreadyExists, "it exists");
    std::vector<Path> lowers = TRY(layers_from(parent));
    TempDir made = TRY(make_tree(lowers));
    TRY(apply_layer(made.path() / "fs", lowers, tar, cancel));
    TRY(sync_file_system(made.path()));
    Info info{.name = name, .parent = parent, .kind = Kind::kCommitted, .created = clock_.now()};
    return table_.add(
        info, [&](int64_t id) { return publish(std::move(made), id); },
        [&](int64_t id) { remove_directory(id); });
  };
  return unpack_and_add().context(cat("unpack layer ", name));
}

Result<> OverlaySnapshotter::prepare(const std::string& key, const std::string& parent) {
  // Only the row: an active snapshot without a directory is one that nobody wrote to yet.
  Info info{.name = key, .parent = parent, .kind = Kind::kActive, .created = clock_.now()};
  return table_.add(info, [](int64_t) { return Result<>(); }).context(cat("prepare ", key));
}

Result<> OverlaySnapshotter::view(const std::string& key, const std::string& parent) {
  Info info{.name = key, .parent = parent, .kind = Kind::kView, .created = clock_.now()};
  return table_.add(info, [](int64_t) { return Result<>(); }).context(cat("view ", key));
}

Result<Mount> OverlaySnapshotter::mount_of(const std::string& key) {
  SnapshotRow row = TRY(table_.get(key));
  if (row.info.kind == Kind::kCommitted) {
    return Error(Code::kFailedPrecondition,
                 cat("snapshot ", key, " is committed: make a view of it"));
  }
  Mount mount{.lowers = TRY(lowers_of(key))};
  if (row.info.kind == Kind::kView) {
    if (mount.lowers.empty()) mount.lowers = {TRY(own_tree(row, {}))};
    return mount;
  }
  mount.upper = TRY(own_tree(row, mount.lowers));
  mount.work = mount.upper.parent_path() / "work";
  TRY(make_directories(mount.work, 0700));
  return mount;
}

Result<> OverlaySnapshotter::commit(const std::string& name, const std::string& key) {
  auto seal = [&]() -> Result<> {
    SnapshotRow row = TRY(get(key, Kind::kActive));
    Path tree = TRY(own_tree(row, TRY(lowers_of(key))));
    TRY(remove_tree(tree.parent_path() / "work"));
    TRY(sync_file_system(tree));
    return table_.commit(key, name, clock_.now());
  };
  return seal().context(cat("commit snapshot ", key, " as ", name));
}

Result<> OverlaySnapshotter::remove(const std::string& name) {
  SnapshotRow row = TRY(table_.get(name));
  TRY(table_.erase(name));
  return remove_tree(directory_of(row.id)).context(cat("remove snapshot ", name));
}

Result<Usage> OverlaySnapshotter::usage(const std::string& name) {
  SnapshotRow row = TRY(table_.get(name));
  if (row.usage) return *row.usage;
  if (::access(tree_of(row.id).c_str(), F_OK) != 0) return Usage{};
  Usage usage = TRY(usage_of_tree(tree_of(row.id)));
  if (row.info.kind == Kind::kCommitted) TRY(table_.set_usage(name, usage));
  return usage;
}

Result<> OverlaySnapshotter::walk(const std::function<Result<>(const Info&)>& visit) {
  std::vector<SnapshotRow> rows = TRY(table_.all());
  for (const SnapshotRow& row : rows) TRY(visit(row.info));
  return {};
}

Result<> OverlaySnapshotter::diff(const std::string& key, Sink& tar) {
  auto [tree, lowers] = TRY(changed_tree(key));
  return write_layer(tree, lowers, tar).context(cat("diff of snapshot ", key));
}

Result<std::vector<Change>> OverlaySnapshotter::changes(const std::string& key) {
  auto [tree, lowers] = TRY(changed_tree(key));
  return list_changes(tree, lowers).context(cat("changes of snapshot ", key));
}

Result<std::pair<Path, std::vector<Path>>> OverlaySnapshotter::changed_tree(
    const std::string& key) {
  SnapshotRow row = TRY(table_.get(key));
  if (row.info.kind == Kind::kView) {
    return Error(Code::kFailedPrecondition, cat("snapshot ", key, " is a view: it has no changes"));
  }
  std::vector<Path> lowers = TRY(lowers_of(key));
  Path tree = TRY(own_tree(row, lowers));
  return std::pair(std::move(tree), std::move(lowers));
}

Result<SnapshotRow> OverlaySnapshotter::get(const std::string& name, Kind kind) {
  SnapshotRow row = TRY(table_.get(name));
  if (row.info.kind != kind) {
    return Error(Code::kFailedPrecondition, cat("snapshot ", name, " is not active"));
  }
  return row;
}

Result<std::vector<Path>> OverlaySnapshotter::lowers_of(const std::string& name) {
  std::vector<int64_t> ids = TRY(table_.parents_of(name));
  std::vector<Path> lowers;
  for (int64_t id : ids) lowers.push_back(tree_of(id));
  return lowers;
}

// The layers that a new snapshot on `parent` will stand on.
Result<std::vector<Path>> OverlaySnapshotter::layers_from(const std::string& parent) {
  if (parent.empty()) return std::vector<Path>();
  SnapshotRow row = TRY_CONTEXT(table_.get(parent), "parent");
  std::vector<Path> layers = TRY(lowers_of(parent));
  layers.insert(layers.begin(), tree_of(row.id));
  return layers;
}

// A new directory with an empty tree "fs", whose root looks like the one below.
Result<TempDir> OverlaySnapshotter::make_tree(const std::vector<Path>& lowers) {
  TempDir made = TRY(TempDir::make(staging(), ""));
  Path tree = made.path() / "fs";
  TRY(make_directories(tree));
  UniqueFd fd = TRY(open_file(tree, O_RDONLY | O_DIRECTORY));
  if (lowers.empty()) {
    if (::fchmod(fd.get(), 0755) != 0)
      return Error::from_errno(errno, cat("chmod ", tree.native()));
    return made;
  }
  UniqueFd below = TRY(open_file(lowers.front(), O_RDONLY | O_DIRECTORY));
  TRY_CONTEXT(copy_directory_attributes(below.get(), fd.get()), tree.native());
  return made;
}

// Of a snapshot that did not come to be: what stays is removed at the next start.
void OverlaySnapshotter::remove_directory(int64_t id) {
  Result<> removed = remove_tree(directory_of(id));
  if (!removed) log_warn(removed.error().message());
}

Result<> OverlaySnapshotter::publish(TempDir made, int64_t id) {
  TRY(files_.rename(made.path(), directory_of(id)));
  Path published = directory_of(id);
  made.release();
  Result<> synced = files_.sync_directory(snapshots());
  if (!synced) TRY(remove_tree(published));
  return synced;
}

// The tree of an active snapshot (or of a view of nothing), made at its first use.
Result<Path> OverlaySnapshotter::own_tree(const SnapshotRow& row, const std::vector<Path>& lowers) {
  Path tree = tree_of(row.id);
  if (::access(tree.c_str(), F_OK) == 0) return tree;
  TempDir made = TRY(make_tree(lowers));
  if (::rename(made.path().c_str(), directory_of(row.id).c_str()) != 0) {
    return Error::from_errno(errno, cat("rename to ", directory_of(row.id).native()));
  }
  made.release();
  return tree;
}

Result<> OverlaySnapshotter::clean_up() {
  TRY(remove_tree(staging()));
  TRY(make_directories(staging(), 0700));
  std::vector<SnapshotRow> rows = TRY(table_.all());
  TRY(remove_unknown_directories(rows));
  return drop_lost_rows(rows);
}

Result<> OverlaySnapshotter::remove_unknown_directories(const std::vector<SnapshotRow>& rows) {
  std::set<std::string> known;
  for (const SnapshotRow& row : rows) known.insert(std::to_string(row.id));
  UniqueFd fd = TRY(open_file(snapshots(), O_RDONLY | O_DIRECTORY));
  std::vector<std::string> present = TRY(list_directory(fd.get()));
  for (const std::string& name : present) {
    if (!known.contains(name)) TRY(remove_tree(snapshots() / name));
  }
  return {};
}

// A layer whose directory somebody removed can be unpacked again, unless others stand on it.
Result<> OverlaySnapshotter::drop_lost_rows(const std::vector<SnapshotRow>& rows) {
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    if (row->info.kind != Kind::kCommitted) continue;
    if (::access(tree_of(row->id).c_str(), F_OK) == 0) continue;
    log_warn(cat("snapshot ", row->info.name, " lost its directory ", tree_of(row->id).native()));
    Result<> erased = table_.erase(row->info.name);
    if (!erased && erased.error().code() != Code::kFailedPrecondition) return erased;
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Snapshotter>> open_overlay_snapshotter(const Path& where,
                                                              DurableFiles& files,
                                                              const Clock& clock) {
  Path root = std::filesystem::absolute(where);  // a mount is made in another working directory
  auto open = [&]() -> Result<std::unique_ptr<Snapshotter>> {
    TRY(make_directories(root));
    TRY(make_directories(root / "snapshots", 0700));
    content::RootLock lock = TRY(content::RootLock::take(root));
    SnapshotTable table = TRY(SnapshotTable::open(root / "snapshot.db"));
    auto snapshotter =
        std::make_unique<OverlaySnapshotter>(root, std::move(lock), std::move(table), files, clock);
    TRY(snapshotter->clean_up());
    return snapshotter;
  };
  return open().context(cat("open snapshotter ", root.native()));
}

}  // namespace skiff::snapshot
