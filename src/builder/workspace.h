// Workspace: an active snapshot, mounted in a directory of its own, that becomes a layer or is
// gone at the end of the scope, mount and all.
//
//   Workspace space = TRY(Workspace::make(site, parent));
//   ... change what is at space.root() ...
//   Layer layer = TRY(space.commit(lease, cancel));
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "builder/builder.h"
#include "builder/cache_mounts.h"
#include "builder/conversions.h"
#include "builder/downloads.h"
#include "builder/vocabulary.h"
#include "snapshot/lent_contents.h"
#include "snapshot/snapshotter.h"
#include "solver/cache.h"
#include "solver/cache_room.h"
#include "solver/solver.h"

namespace skiff::builder {

// What every build of one builder works with.
struct Site {
  const BuilderOptions& options;
  images::ImageStore& images;
  network::NetworkManager& networks;
  Cache& cache;
  CacheMounts& cache_mounts;
  Downloads& downloads;
  Conversions& conversions;
  sys::CgroupParents& cgroup_parents;
  const Clock& clock;
};

// Names of snapshots, cgroups and endpoints of running steps begin so.
inline constexpr std::string_view kStepPrefix = "build-";

class Workspace {
 public:
  // On `parent`, a committed snapshot or "".
  static Result<Workspace> make(Site& site, const std::string& parent);
  Workspace(Workspace&&) = default;
  Workspace& operator=(Workspace&&) = delete;
  ~Workspace();

  const std::string& id() const { return id_; }  // "build-0123456789ab"
  Path directory() const { return directory_.path(); }
  Path root() const { return directory_.path() / "rootfs"; }

  // For contents that commit() reads from where they are; null where layers are kept unpacked.
  snapshot::LentContents* lent();

  // Mounts it anew as the process of a step is to see it: in the steps' user namespace, and, where
  // it is not empty, with `extra` as the uppermost of the read-only directories below it: what is
  // there can be seen, and does not become part of the layer.
  Result<> remount_for_step(const Path& extra);

  // Unmounts, writes the difference as a layer and commits the snapshot under its chainID.
  Result<Layer> commit(images::ImageLease& lease, const CancelToken& cancel);

 private:
  Workspace(Site& site, std::string parent, std::string id, TempDir directory)
      : site_(&site),
        parent_(std::move(parent)),
        id_(std::move(id)),
        directory_(std::move(directory)) {}

  // At root(), as `change` wants it.
  Result<snapshot::MountedSnapshot> mount(const std::function<void(snapshot::Mount&)>& change);

  // Tells a moved-from workspace from one that has to clean up.
  struct Owned {
    explicit Owned(bool yes) : active(yes) {}
    Owned(Owned&& other) noexcept : active(std::exchange(other.active, false)) {}
    Owned& operator=(Owned&&) = delete;
    bool active;
  };

  Site* site_;
  std::string parent_;
  std::string id_;
  TempDir directory_;
  std::optional<snapshot::MountedSnapshot> mounted_;
  snapshot::LentContents lent_;
  Owned owned_{true};
};

// A read-only mount of a committed snapshot (or of nothing, for "").
class MountedView {
 public:
  static Result<std::unique_ptr<MountedView>> make(Site& site, const std::string& snapshot);
  MountedView(const MountedView&) = delete;
  MountedView& operator=(const MountedView&) = delete;
  ~MountedView();
  Path root() const { return directory_.path(); }

 private:
  MountedView(Site& site, std::string key, TempDir directory)
      : site_(site), key_(std::move(key)), directory_(std::move(directory)) {}
  Site& site_;
  std::string key_;
  TempDir directory_;
  std::optional<snapshot::MountedSnapshot> mounted_;
};

// Room for a layer's bytes under all limits; `room` outlives it.
snapshot::Snapshotter::MakeRoom room_for(Site& site, CacheRoom& room);

// Removes what builds of an earlier, killed daemon left: mounts, directories, snapshots,
// cgroups, endpoints, contexts.
Result<> clean_up_steps(Site& site);

}  // namespace skiff::builder
