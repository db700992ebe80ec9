// The local snapshotter: each snapshot is a directory, stacked by overlayfs.
//
// ROOT/snapshots/ID is a layer: fs/, its tree in overlayfs's form, or layer.tar and its index
// layer.erofs, which are mounted at ROOT/mounts/ID; or it is an active snapshot's: fs/ is the upper
// directory, beside which stands work/.
// ROOT/new holds what is being made: it is renamed into snapshots/ when it is whole, and emptied
// at start. ROOT/trash holds what is being removed. A row in snapshot.db makes a snapshot exist; it
// is written last and deleted first.
#pragma once

#include <map>
#include <mutex>
#include <set>

#include "base/trash.h"
#include "content/root_lock.h"
#include "snapshot/layer_content.h"
#include "snapshot/layer_stack.h"
#include "snapshot/snapshot_table.h"
#include "snapshot/snapshotter.h"

namespace skiff::snapshot {

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
                .mounts = mounts(),
                .backend = backend_,
                .why_no_indexes = choice.why_no_indexes,
                .files = files,
                .clock = clock,
                .changing = changing_,
                .require_whole = [this](int64_t id) { return require_whole(id); },
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
  Result<std::optional<Info>> damaged_below(const std::string& name) override {
    return table_.damaged_below(name);
  }
  Result<> commit(const std::string& name, const std::string& key) override;
  Result<> seal(const std::string& key, const StoreLayer& store, const MakeRoom& make_room,
                const CancelToken& cancel, const LentContents* lent) override;
  Result<> capture(const std::string& key, const std::string& parent, const StoreLayer& store,
                   const MakeRoom& make_room, const CancelToken& cancel) override;
  Result<> remove(const std::string& name) override;
  void settle() override { trash_->settle(); }
  Result<Info> stat(const std::string& name) override { return TRY(table_.get(name)).info; }
  Result<Usage> usage(const std::string& name, Asked asked) override;
  Result<> walk(const std::function<Result<>(const Info&)>& visit) override;
  Result<> check(const CheckOptions& options, const ProblemSink& report,
                 const CancelToken& cancel) override;
  Result<content::ScrubTotals> scrub(const content::ScrubOptions& options,
                                     const std::function<void(const Error&)>& damaged,
                                     const CancelToken& cancel) override {
    return scrub_layers({table_, snapshots(), changing_, clock_}, options, damaged, cancel);
  }
  Result<> diff(const std::string& key, Sink& tar) override;
  Result<std::vector<Change>> changes(const std::string& key) override;

  // Removes what a crash left. Once, before all else.
  Result<> clean_up();

 private:
  Path database() const { return root_ / "snapshot.db"; }
  Path snapshots() const { return root_ / "snapshots"; }
  Path staging() const { return root_ / "new"; }
  Path mounts() const { return root_ / "mounts"; }
  Result<> erase(const SnapshotRow& row);
  void set_going(int64_t id, bool is_going);
  Path directory_of(int64_t id) const { return snapshots() / std::to_string(id); }

  // What a snapshot stands on.
  using Lowers = LayerStack::Shown;
  Result<Lowers> lowers_of(const std::string& name);
  Result<Lowers> lowers_from(const std::string& parent);
  Result<> add_directory(const std::string& name, const std::string& parent, TempDir made,
                         const std::string& index = "");
  bool is_whole(const std::string& name);
  Result<> require_whole(int64_t id);
  Result<> take_retired(int64_t id);
  void free_retired(const std::vector<int64_t>& layers);
  Result<> tidy_layers();
  Result<> renew(int64_t id, const std::string& index);
  Result<> replace(const SnapshotRow& damaged, const TempDir& made, const std::string& index);
  Result<> remake_index(const SnapshotRow& row);
  Result<> drop_forms(int64_t id);
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
  Result<> copy_tar(int64_t id, Sink& tar);
  Result<> write_changes(const std::string& key, Sink& tar, const LentContents* lent);
  Result<> keep_changes(const std::string& parent, Source& diff, const StoreLayer& store,
                        const MakeRoom& make_room, const CancelToken& cancel);

  Path root_;
  Backend backend_;
  content::RootLock lock_;
  SnapshotTable table_;
  std::unique_ptr<Trash> trash_;
  DurableFiles& files_;
  const Clock& clock_;
  std::recursive_mutex changing_;  // see layer_stack.h
  LayerStack stack_;
  std::mutex mutex_;
  std::map<int64_t, LayerMounts::Hold> in_use_;  // of active snapshots and views, by id
  std::set<int64_t> going_;                      // being removed: no row, and still a directory
};

}  // namespace skiff::snapshot
