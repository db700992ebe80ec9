#include "snapshot/local_snapshotter.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/log.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "codec/hash.h"
#include "snapshot/diff_source.h"
#include "snapshot/indexed_layer.h"
#include "snapshot/layer_diff.h"
#include "snapshot/layer_directory.h"
#include "snapshot/layer_forms.h"
#include "snapshot/reconcile_snapshots.h"
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

class ReadTar : public LayerToStore {
 public:
  explicit ReadTar(Source& from) : from_(from) {}
  Result<size_t> read(std::span<char> buffer) override { return from_.read(buffer); }
  const Kept* kept() const override { return nullptr; }

 private:
  Source& from_;
};

class KeptTar : public LayerToStore {
 public:
  KeptTar(FdSource from, Kept kept) : from_(from), kept_(std::move(kept)) {}
  Result<size_t> read(std::span<char> buffer) override { return from_.read(buffer); }
  const Kept* kept() const override { return &kept_; }

 private:
  FdSource from_;
  Kept kept_;
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

}  // namespace

Result<> LocalSnapshotter::unpack(const std::string& name, const std::string& parent, Source& tar,
                                  const CancelToken& cancel) {
  if (is_whole(name)) return Error(Code::kAlreadyExists, cat("snapshot ", name, " exists"));
  if (backend_ == Backend::kErofs) {
    const auto position = parent.empty() ? Position::kFirst : Position::kOnTop;
    return add(name, parent, TRY(receive(tar, position, cancel)));
  }
  const Lowers lowers = TRY(lowers_from(parent));
  TempDir made = TRY(TempDir::make(staging(), ""));
  TRY(unpack_layer(made.path(), lowers.trees, tar, cancel));
  TRY(write_form_digest(made.path(), files_));
  return add_directory(name, parent, std::move(made));
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

bool LocalSnapshotter::is_whole(const std::string& name) {
  const auto row = table_.get(name);
  return row && row->info.damage.empty();
}

// The layer in `made` becomes the committed snapshot `name`.
Result<> LocalSnapshotter::add_directory(const std::string& name, const std::string& parent,
                                         TempDir made, const std::string& index) {
  {
    const std::scoped_lock lock(changing_);
    const auto there = table_.get(name);
    if (there && !there->info.damage.empty()) return replace(*there, made, index);
  }
  Info info{.name = name, .parent = parent, .kind = Kind::kCommitted, .created = clock_.now()};
  const LayerFiles files{.index = index, .stamp = files_stamp(made.path())};
  auto added = table_.add(
      info, [&](int64_t id) { return publish(std::move(made), id); },
      [&](int64_t id) { remove_directory(id); }, files);
  // Of a layer that is there already, say: a step that gave the same files again.
  if (!added && !made.path().empty()) TRY(trash_->take(made.path()));
  return added;
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
  if (const auto damaged = TRY(table_.damaged_below(key))) return damaged_layer(*damaged);
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
    TRY(write_form_digest(tree.parent_path(), files_));
    TRY(files_.sync_directory(tree.parent_path()));
    const std::vector<int64_t> below = TRY(table_.parents_of(key));
    TRY(table_.commit(key, name, clock_.now()));
    let_go(row.id);
    free_retired(below);
    return {};
  };
  return turn().context(cat("commit snapshot ", key, " as ", name));
}

Result<> LocalSnapshotter::seal(const std::string& key, const StoreLayer& store,
                                const MakeRoom& make_room, const CancelToken& cancel,
                                const LentContents* lent) {
  const SnapshotRow row = TRY(get(key, Kind::kActive));
  if (backend_ == Backend::kErofs) {
    DiffSource diff([&](Sink& to) { return write_changes(key, to, lent); }, cancel);
    TRY(keep_changes(row.info.parent, diff, store, make_room, cancel));
    return remove(key);
  }
  if (make_room) TRY(make_room(TRY(usage(key, Asked::kInPassing)).bytes));
  DiffSource diff(*this, key, cancel);
  ReadTar tar(diff);
  return commit(TRY(store(tar)), key);
}

Result<> LocalSnapshotter::capture(const std::string& key, const std::string& parent,
                                   const StoreLayer& store, const MakeRoom& make_room,
                                   const CancelToken& cancel) {
  TRY(get(key, Kind::kActive));
  DiffSource diff(*this, key, cancel);
  if (backend_ != Backend::kErofs) {
    ReadTar tar(diff);
    TRY(store(tar));
    return {};
  }
  return keep_changes(parent, diff, store, make_room, cancel);
}

// A layer of the tar that is read from `diff`, kept as such.
Result<> LocalSnapshotter::keep_changes(const std::string& parent, Source& diff,
                                        const StoreLayer& store, const MakeRoom& make_room,
                                        const CancelToken& cancel) {
  const auto position = parent.empty() ? Position::kFirst : Position::kOnTop;
  RoomySource roomy(diff, make_room);
  Hasher hasher;
  HashingSource hashed(roomy, hasher);
  auto layer = TRY(receive(hashed, position, cancel));
  const auto& received = static_cast<Received&>(*layer);
  FdSource file = TRY(received.layer->tar());
  KeptTar tar(file, {.file = received.directory.path() / kTarName,
                     .digest = oci::Digest::from_hex(HashAlgorithm::kSha256, hasher.hex())});
  const std::string name = TRY(store(tar));
  return add(name, parent, std::move(layer)).context(cat("add layer ", name));
}

Result<> LocalSnapshotter::remove(const std::string& name) {
  SnapshotRow row = TRY(table_.get(name));
  set_going(row.id, true);
  ScopeExit gone([&] { set_going(row.id, false); });
  std::vector<int64_t> below;
  if (row.info.kind != Kind::kCommitted) below = TRY(table_.parents_of(name));
  TRY(erase(row));
  let_go(row.id);
  stack_.forget(row.id);
  free_retired(below);
  return trash_->take(directory_of(row.id)).context(cat("remove snapshot ", name));
}

// The database must write before it can forget. Where a full disk keeps it from that, an active
// snapshot, on which nothing stands, gives its own files first: it may be they that fill it.
Result<> LocalSnapshotter::erase(const SnapshotRow& row) {
  Result<> erased = table_.erase(row.info.name);
  const bool is_full = !erased && erased.error().code() == Code::kResourceExhausted;
  if (!is_full || row.info.kind == Kind::kCommitted) return erased;
  TRY(remove_tree(directory_of(row.id)));
  return table_.erase(row.info.name);
}

void LocalSnapshotter::set_going(int64_t id, bool is_going) {
  const std::scoped_lock lock(mutex_);
  if (is_going) {
    going_.insert(id);
  } else {
    going_.erase(id);
  }
}

Result<Usage> LocalSnapshotter::usage(const std::string& name, Asked asked) {
  SnapshotRow row = TRY(table_.get(name));
  if (row.usage) return *row.usage;
  if (!has_files(directory_of(row.id))) return Usage{};
  Usage usage = TRY(usage_of_layer(directory_of(row.id)));
  const bool is_kept = row.info.kind == Kind::kCommitted && asked == Asked::kAgain;
  if (is_kept) TRY(table_.set_usage(name, usage));
  return usage;
}

Result<> LocalSnapshotter::walk(const std::function<Result<>(const Info&)>& visit) {
  std::vector<SnapshotRow> rows = TRY(table_.all());
  for (const SnapshotRow& row : rows) TRY(visit(row.info));
  return {};
}

Result<> LocalSnapshotter::diff(const std::string& key, Sink& tar) {
  const auto write = [&]() -> Result<> {
    const SnapshotRow row = TRY(table_.get(key));
    if (is_present(directory_of(row.id) / kTarName)) return copy_tar(row.id, tar);
    return write_changes(key, tar, nullptr);
  };
  return write().context(cat("diff of snapshot ", key));
}

Result<> LocalSnapshotter::write_changes(const std::string& key, Sink& tar,
                                         const LentContents* lent) {
  const ChangedTree changed = TRY(changed_tree(key));
  return write_layer(changed.tree(), changed.lowers.trees, tar, lent);
}

Result<> LocalSnapshotter::copy_tar(int64_t id, Sink& tar) {
  const UniqueFd file = TRY(open_file(directory_of(id) / kTarName, O_RDONLY));
  FdSource kept(file.get());
  TRY(copy(kept, tar));
  return {};
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
  Path tree = directory_of(row.id) / kTreeName;
  if (has_files(directory_of(row.id))) return tree;
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
  for (const Path& place : {staging(), mounts()}) TRY(make_directories(place, 0700));
  TRY(reconcile_snapshots(table_, snapshots(), *trash_));
  return tidy_layers();
}

Result<std::unique_ptr<Snapshotter>> open_snapshotter(const Path& where,
                                                      const BackendChoice& choice,
                                                      DurableFiles& files, const Clock& clock) {
  Path root = std::filesystem::absolute(where);  // a mount is made in another working directory
  auto open = [&]() -> Result<std::unique_ptr<Snapshotter>> {
    TRY(make_directories(root));
    TRY(make_directories(root / "snapshots", 0700));
    content::RootLock lock = TRY(content::RootLock::take(root));
    SnapshotTable table = TRY(SnapshotTable::open(root / "snapshot.db"));
    auto trash = TRY(Trash::open(root / "trash"));
    auto snapshotter = std::make_unique<LocalSnapshotter>(
        root, choice, std::move(lock), std::move(table), std::move(trash), files, clock);
    TRY(snapshotter->clean_up());
    return snapshotter;
  };
  return open().context(cat("open snapshotter ", root.native()));
}

}  // namespace skiff::snapshot
