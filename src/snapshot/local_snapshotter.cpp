// Each snapshot is a directory, stacked by overlayfs.
//
// ROOT/snapshots/ID/fs is a layer in overlayfs's form, unpacked or mounted from ID/layer.tar and
// its index ID/layer.erofs; or an active snapshot's upper directory, beside which stands ID/work.
// ROOT/new holds what is being made: it is renamed into snapshots/ when it is whole, and emptied
// at start. ROOT/trash holds what is being removed. A row in snapshot.db makes a snapshot exist; it
// is written last and deleted first.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "base/log.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "base/trash.h"
#include "content/root_lock.h"
#include "snapshot/diff_source.h"
#include "snapshot/indexed_layer.h"
#include "snapshot/layer_content.h"
#include "snapshot/layer_diff.h"
#include "snapshot/layer_directory.h"
#include "snapshot/layer_stack.h"
#include "snapshot/lower_dir.h"
#include "snapshot/snapshot_check.h"
#include "snapshot/snapshot_table.h"
#include "snapshot/snapshotter.h"
#include "snapshot/tree_usage.h"
#include "sys/mounts.h"

namespace skiff::snapshot {

namespace {

struct Received : public ReceivedLayer {
  Received(TempDir where, std::unique_ptr<IndexedLayer> what)
      : directory(std::move(where)), layer(std::move(what)) {}
  TempDir directory;  // below ROOT/new
  std::unique_ptr<IndexedLayer> layer;
};

// Passes on what there is room for.
class RoomySource : public Source {
 public:
  RoomySource(Source& from, const Snapshotter::MakeRoom& make_room)
      : from_(from), make_room_(make_room) {}
  Result<size_t> read(std::span<char> buffer) override {
    const size_t n = TRY(from_.read(buffer));
    if (make_room_) TRY(make_room_(n));
    return n;
  }

 private:
  Source& from_;
  const Snapshotter::MakeRoom& make_room_;
};

Path database(const Path& root) { return root / "snapshot.db"; }

class LocalSnapshotter : public Snapshotter {
 public:
  LocalSnapshotter(Path root, const BackendChoice& choice, content::RootLock lock,
                   SnapshotTable table, std::unique_ptr<Trash> trash, DurableFiles& files,
                   const Clock& clock)
      : root_(std::move(root)),
        backend_(choice.backend),
        lock_(std::move(lock)),
        table_(std::move(table)),
        trash_(std::move(trash)),
        files_(files),
        clock_(clock),
        stack_({.layers = snapshots(),
                .staging = staging(),
                .backend = backend_,
                .why_no_indexes = choice.why_no_indexes,
                .files = files,
                .clock = clock,
                .grows = [this](int64_t id) { return table_.forget_usage(id); }}) {}

  Backend backend() const override { return backend_; }

  Result<> unpack(const std::string& name, const std::string& parent, Source& tar,
                  const CancelToken& cancel) override;
  Result<std::unique_ptr<ReceivedLayer>> receive(Source& tar, Position position,
                                                 const CancelToken& cancel) override;
  Result<> add(const std::string& name, const std::string& parent,
               std::unique_ptr<ReceivedLayer> layer) override;
  Result<> prepare(const std::string& key, const std::string& parent) override;
  Result<> view(const std::string& key, const std::string& parent) override;
  Result<Mount> mount_of(const std::string& key) override;
  Result<> commit(const std::string& name, const std::string& key) override;
  Result<> seal(const std::string& key, const StoreLayer& store, const MakeRoom& make_room,
                const CancelToken& cancel) override;
  Result<> remove(const std::string& name) override;
  void settle() override { trash_->settle(); }
  Result<Info> stat(const std::string& name) override { return TRY(table_.get(name)).info; }
  Result<Usage> usage(const std::string& name) override;
  Result<> walk(const std::function<Result<>(const Info&)>& visit) override;
  Result<> check(const CheckOptions& options, const ProblemSink& report,
                 const CancelToken& cancel) override;
  Result<content::ScrubTotals> scrub(const content::ScrubOptions& options,
                                     const std::function<void(const Error&)>& damaged,
                                     const CancelToken& cancel) override {
    return scrub_layers(table_, snapshots(), options, damaged, clock_, cancel);
  }
  Result<> diff(const std::string& key, Sink& tar) override;
  Result<std::vector<Change>> changes(const std::string& key) override;

  // Removes what a crash left: see the top of the file.
  Result<> clean_up();

 private:
  Path snapshots() const { return root_ / "snapshots"; }
  Path staging() const { return root_ / "new"; }
  void set_going(int64_t id, bool is_going);
  Path directory_of(int64_t id) const { return snapshots() / std::to_string(id); }
  Path tree_of(int64_t id) const { return directory_of(id) / kTreeName; }
  bool is_there(int64_t id) const {
    return is_present(tree_of(id)) || is_indexed(directory_of(id));
  }

  // What a snapshot stands on.
  using Lowers = LayerStack::Shown;
  Result<Lowers> lowers_of(const std::string& name);
  Result<Lowers> lowers_from(const std::string& parent);
  Result<> add_directory(const std::string& name, const std::string& parent, TempDir made,
                         const std::string& index = "");
  Result<> remake_index(const SnapshotRow& row);
  void keep_mounted(int64_t id, LayerMounts::Hold hold);
  void let_go(int64_t id);
  Result<> publish(TempDir made, int64_t id);
  void remove_directory(int64_t id);
  Result<Path> own_tree(const SnapshotRow& row, const std::vector<Path>& lowers);
  Result<SnapshotRow> get(const std::string& name, Kind kind);
  struct ChangedTree {
    LayerStack::Shown own;
    Lowers lowers;
    const Path& tree() const { return own.trees.front(); }
  };
  Result<ChangedTree> changed_tree(const std::string& key);
  Result<> remove_unknown_directories(const std::vector<SnapshotRow>& rows);
  Result<> drop_lost_rows(const std::vector<SnapshotRow>& rows);

  Path root_;
  Backend backend_;
  content::RootLock lock_;
  SnapshotTable table_;
  std::unique_ptr<Trash> trash_;
  DurableFiles& files_;
  const Clock& clock_;
  LayerStack stack_;
  std::mutex mutex_;
  std::map<int64_t, LayerMounts::Hold> in_use_;  // of active snapshots and views, by id
  std::set<int64_t> going_;                      // being removed: no row, and still a directory
};

Result<> LocalSnapshotter::unpack(const std::string& name, const std::string& parent, Source& tar,
                                  const CancelToken& cancel) {
  auto unpack = [&]() -> Result<> {
    if (table_.get(name)) return Error(Code::kAlreadyExists, "it exists");
    Lowers lowers = TRY(lowers_from(parent));
    TempDir made = TRY(TempDir::make(staging(), ""));
    TRY(unpack_layer(made.path(), lowers.trees, tar, cancel));
    return add_directory(name, parent, std::move(made));
  };
  auto index = [&]() -> Result<> {
    if (table_.get(name)) return Error(Code::kAlreadyExists, "it exists");
    auto position = parent.empty() ? Position::kFirst : Position::kOnTop;
    return add(name, parent, TRY(receive(tar, position, cancel)));
  };
  return (backend_ == Backend::kErofs ? index() : unpack()).context(cat("unpack layer ", name));
}

Result<std::unique_ptr<ReceivedLayer>> LocalSnapshotter::receive(Source& tar, Position position,
                                                                 const CancelToken& cancel) {
  if (backend_ != Backend::kErofs) return nullptr;
  TempDir directory = TRY(TempDir::make(staging(), ""));
  LayerTreeOptions options{.is_lowest = position == Position::kFirst,
                           .implied_mtime = clock_.now()};
  auto layer = TRY(IndexedLayer::read(tar, directory.path(), options, files_, cancel));
  return std::make_unique<Received>(std::move(directory), std::move(layer));
}

Result<> LocalSnapshotter::add(const std::string& name, const std::string& parent,
                               std::unique_ptr<ReceivedLayer> layer) {
  auto& received = static_cast<Received&>(*layer);
  Lowers lowers = TRY(lowers_from(parent));
  const std::string index = TRY(received.layer->write_index(lowers.trees));
  return add_directory(name, parent, std::move(received.directory), index);
}

// The layer in `made` becomes the committed snapshot `name`.
Result<> LocalSnapshotter::add_directory(const std::string& name, const std::string& parent,
                                         TempDir made, const std::string& index) {
  Info info{.name = name, .parent = parent, .kind = Kind::kCommitted, .created = clock_.now()};
  return table_.add(
      info, [&](int64_t id) { return publish(std::move(made), id); },
      [&](int64_t id) { remove_directory(id); }, index);
}

Result<> LocalSnapshotter::prepare(const std::string& key, const std::string& parent) {
  // Only the row: an active snapshot without a directory is one that nobody wrote to yet.
  Info info{.name = key, .parent = parent, .kind = Kind::kActive, .created = clock_.now()};
  return table_.add(info, [](int64_t) { return Result<>(); }).context(cat("prepare ", key));
}

Result<> LocalSnapshotter::view(const std::string& key, const std::string& parent) {
  Info info{.name = key, .parent = parent, .kind = Kind::kView, .created = clock_.now()};
  return table_.add(info, [](int64_t) { return Result<>(); }).context(cat("view ", key));
}

Result<Mount> LocalSnapshotter::mount_of(const std::string& key) {
  SnapshotRow row = TRY(table_.get(key));
  if (row.info.kind == Kind::kCommitted) {
    return Error(Code::kFailedPrecondition,
                 cat("snapshot ", key, " is committed: make a view of it"));
  }
  Lowers lowers = TRY(lowers_of(key));
  keep_mounted(row.id, std::move(lowers.hold));
  Mount mount{.lowers = std::move(lowers.trees)};
  if (row.info.kind == Kind::kView) {
    if (mount.lowers.empty()) mount.lowers = {TRY(own_tree(row, {}))};
    return mount;
  }
  mount.upper = TRY(own_tree(row, mount.lowers));
  mount.work = mount.upper.parent_path() / "work";
  TRY(make_directories(mount.work, 0700));
  return mount;
}

Result<> LocalSnapshotter::commit(const std::string& name, const std::string& key) {
  auto turn = [&]() -> Result<> {
    SnapshotRow row = TRY(get(key, Kind::kActive));
    Lowers lowers = TRY(lowers_of(key));
    Path tree = TRY(own_tree(row, lowers.trees));
    TRY(remove_tree(tree.parent_path() / "work"));
    TRY(sync_file_system(tree));
    TRY(table_.commit(key, name, clock_.now()));
    let_go(row.id);
    return {};
  };
  return turn().context(cat("commit snapshot ", key, " as ", name));
}

Result<> LocalSnapshotter::seal(const std::string& key, const StoreLayer& store,
                                const MakeRoom& make_room, const CancelToken& cancel) {
  SnapshotRow row = TRY(get(key, Kind::kActive));
  if (backend_ != Backend::kErofs && make_room) TRY(make_room(TRY(usage(key)).bytes));
  DiffSource diff(*this, key, cancel);
  if (backend_ != Backend::kErofs) return commit(TRY(store(diff)), key);
  auto position = row.info.parent.empty() ? Position::kFirst : Position::kOnTop;
  RoomySource roomy(diff, make_room);
  auto layer = TRY(receive(roomy, position, cancel));
  FdSource tar = TRY(static_cast<Received&>(*layer).layer->tar());
  std::string name = TRY(store(tar));
  TRY_CONTEXT(add(name, row.info.parent, std::move(layer)), cat("add layer ", name));
  return remove(key);
}

Result<> LocalSnapshotter::remove(const std::string& name) {
  SnapshotRow row = TRY(table_.get(name));
  set_going(row.id, true);
  ScopeExit gone([&] { set_going(row.id, false); });
  TRY(table_.erase(name));
  let_go(row.id);
  stack_.forget(row.id);
  return trash_->take(directory_of(row.id)).context(cat("remove snapshot ", name));
}

void LocalSnapshotter::set_going(int64_t id, bool is_going) {
  const std::scoped_lock lock(mutex_);
  if (is_going) {
    going_.insert(id);
  } else {
    going_.erase(id);
  }
}

Result<> LocalSnapshotter::check(const CheckOptions& options, const ProblemSink& report,
                                 const CancelToken& cancel) {
  settle();
  auto is_going = [&](int64_t id) {
    const std::scoped_lock lock(mutex_);
    return going_.contains(id);
  };
  return check_snapshots({.table = table_,
                          .database = database(root_),
                          .directory = snapshots(),
                          .options = options,
                          .report = report,
                          .cancel = cancel,
                          .is_going = is_going,
                          .remove = [&](const std::string& name) { return remove(name); },
                          .remake_index = [&](const auto& row) { return remake_index(row); }});
}

// From the layer's tar, of which the copy that comes with it is not needed.
Result<> LocalSnapshotter::remake_index(const SnapshotRow& row) {
  const auto remake = [&]() -> Result<> {
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
    stack_.renew(row.id);
    return table_.set_index(row.id, index);
  };
  return remake().context(cat("make the index of layer ", row.info.name));
}

Result<Usage> LocalSnapshotter::usage(const std::string& name) {
  SnapshotRow row = TRY(table_.get(name));
  if (row.usage) return *row.usage;
  if (!is_there(row.id)) return Usage{};
  Usage usage = TRY(usage_of_layer(directory_of(row.id)));
  if (row.info.kind == Kind::kCommitted) TRY(table_.set_usage(name, usage));
  return usage;
}

Result<> LocalSnapshotter::walk(const std::function<Result<>(const Info&)>& visit) {
  std::vector<SnapshotRow> rows = TRY(table_.all());
  for (const SnapshotRow& row : rows) TRY(visit(row.info));
  return {};
}

Result<> LocalSnapshotter::diff(const std::string& key, Sink& tar) {
  ChangedTree changed = TRY(changed_tree(key));
  return write_layer(changed.tree(), changed.lowers.trees, tar)
      .context(cat("diff of snapshot ", key));
}

Result<std::vector<Change>> LocalSnapshotter::changes(const std::string& key) {
  ChangedTree changed = TRY(changed_tree(key));
  return list_changes(changed.tree(), changed.lowers.trees)
      .context(cat("changes of snapshot ", key));
}

Result<LocalSnapshotter::ChangedTree> LocalSnapshotter::changed_tree(const std::string& key) {
  SnapshotRow row = TRY(table_.get(key));
  if (row.info.kind == Kind::kView) {
    return Error(Code::kFailedPrecondition, cat("snapshot ", key, " is a view: it has no changes"));
  }
  Lowers lowers = TRY(lowers_of(key));
  TRY(own_tree(row, lowers.trees));
  // A committed one may be a layer that shows only once it is mounted.
  auto own = TRY(stack_.show_one(row.id, lowers.trees));
  return ChangedTree{.own = std::move(own), .lowers = std::move(lowers)};
}

Result<SnapshotRow> LocalSnapshotter::get(const std::string& name, Kind kind) {
  SnapshotRow row = TRY(table_.get(name));
  if (row.info.kind != kind) {
    return Error(Code::kFailedPrecondition, cat("snapshot ", name, " is not active"));
  }
  return row;
}

Result<LocalSnapshotter::Lowers> LocalSnapshotter::lowers_of(const std::string& name) {
  return stack_.show(TRY(table_.parents_of(name)));
}

// What a new snapshot on `parent` will stand on.
Result<LocalSnapshotter::Lowers> LocalSnapshotter::lowers_from(const std::string& parent) {
  if (parent.empty()) return Lowers{};
  SnapshotRow row = TRY_CONTEXT(table_.get(parent), "parent");
  std::vector<int64_t> layers = TRY(table_.parents_of(parent));
  layers.insert(layers.begin(), row.id);
  return stack_.show(layers);
}

// From now on the layers that snapshot `id` stands on stay mounted for it.
void LocalSnapshotter::keep_mounted(int64_t id, LayerMounts::Hold hold) {
  const std::scoped_lock lock(mutex_);
  in_use_.insert_or_assign(id, std::move(hold));
}

void LocalSnapshotter::let_go(int64_t id) {
  const std::scoped_lock lock(mutex_);
  in_use_.erase(id);
}

// Of a snapshot that did not come to be: what stays is removed at the next start.
void LocalSnapshotter::remove_directory(int64_t id) {
  Result<> removed = remove_tree(directory_of(id));
  if (!removed) log_warn(removed.error().message());
}

Result<> LocalSnapshotter::publish(TempDir made, int64_t id) {
  // The names in it, before it has its own.
  TRY(files_.sync_directory(made.path()));
  TRY(files_.rename(made.path(), directory_of(id)));
  Path published = directory_of(id);
  made.release();
  Result<> synced = files_.sync_directory(snapshots());
  if (!synced) TRY(remove_tree(published));
  return synced;
}

// The tree of an active snapshot (or of a view of nothing), made at its first use.
Result<Path> LocalSnapshotter::own_tree(const SnapshotRow& row, const std::vector<Path>& lowers) {
  Path tree = tree_of(row.id);
  if (is_there(row.id)) return tree;
  TempDir made = TRY(TempDir::make(staging(), ""));
  TRY(make_tree(made.path(), lowers));
  if (::rename(made.path().c_str(), directory_of(row.id).c_str()) != 0) {
    return Error::from_errno(errno, cat("rename to ", directory_of(row.id).native()));
  }
  made.release();
  return tree;
}

Result<> LocalSnapshotter::clean_up() {
  sys::unmount_below(root_);
  TRY(trash_->take(staging()));
  TRY(make_directories(staging(), 0700));
  std::vector<SnapshotRow> rows = TRY(table_.all());
  TRY(remove_unknown_directories(rows));
  return drop_lost_rows(rows);
}

Result<> LocalSnapshotter::remove_unknown_directories(const std::vector<SnapshotRow>& rows) {
  std::set<std::string> known;
  for (const SnapshotRow& row : rows) known.insert(std::to_string(row.id));
  UniqueFd fd = TRY(open_file(snapshots(), O_RDONLY | O_DIRECTORY));
  std::vector<std::string> present = TRY(list_directory(fd.get()));
  for (const std::string& name : present) {
    if (!known.contains(name)) TRY(trash_->take(snapshots() / name));
  }
  return {};
}

// A layer whose directory somebody removed can be unpacked again, unless others stand on it.
Result<> LocalSnapshotter::drop_lost_rows(const std::vector<SnapshotRow>& rows) {
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    if (row->info.kind != Kind::kCommitted) continue;
    if (is_there(row->id)) continue;
    log_warn(
        cat("snapshot ", row->info.name, " lost its directory ", directory_of(row->id).native()));
    Result<> erased = table_.erase(row->info.name);
    if (!erased && erased.error().code() != Code::kFailedPrecondition) return erased;
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Snapshotter>> open_snapshotter(const Path& where,
                                                      const BackendChoice& choice,
                                                      DurableFiles& files, const Clock& clock) {
  Path root = std::filesystem::absolute(where);  // a mount is made in another working directory
  auto open = [&]() -> Result<std::unique_ptr<Snapshotter>> {
    TRY(make_directories(root));
    TRY(make_directories(root / "snapshots", 0700));
    content::RootLock lock = TRY(content::RootLock::take(root));
    SnapshotTable table = TRY(SnapshotTable::open(database(root)));
    auto trash = TRY(Trash::open(root / "trash"));
    auto snapshotter = std::make_unique<LocalSnapshotter>(
        root, choice, std::move(lock), std::move(table), std::move(trash), files, clock);
    TRY(snapshotter->clean_up());
    return snapshotter;
  };
  return open().context(cat("open snapshotter ", root.native()));
}

}  // namespace skiff::snapshot
