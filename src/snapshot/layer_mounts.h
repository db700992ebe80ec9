// LayerMounts: shows the trees of layers that are kept as a tar and an index.
//
//   auto hold = TRY(mounts.hold({root / "snapshots/1", root / "snapshots/2"}));
//   ... tree_of(root / "snapshots/1") shows its tree as long as the hold lives ...
//
// A layer's directory holds its tree at fs/, or `layer.tar` and `layer.erofs`, the index, which
// is mounted when somebody needs it: in a tmpfs, since a directory to mount it at would be one more
// inode of each layer on the disk. One mount serves all users of a layer, so that they share the
// page cache. A layer that nobody uses stays mounted for the next, up to a number of layers.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "snapshot/layer_directory.h"
#include "sys/mounts.h"

namespace skiff::snapshot {

// Thread-safe. Destroying it unmounts all: what overlayfs has of them by then stays in use.
class LayerMounts {
 public:
  // Of layers somewhere below `layers`; mounted below `place`, an empty directory.
  LayerMounts(Path layers, Path place) : layers_(std::move(layers)), place_(std::move(place)) {}

  class Hold {
   public:
    Hold() = default;
    Hold(Hold&& other) noexcept
        : mounts_(std::exchange(other.mounts_, nullptr)),
          mounted_(std::move(other.mounted_)),
          trees_(std::move(other.trees_)) {}
    Hold& operator=(Hold&& other) noexcept;
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold();

   private:
    friend class LayerMounts;
    explicit Hold(LayerMounts* mounts) : mounts_(mounts) {}
    LayerMounts* mounts_ = nullptr;
    std::vector<Path> mounted_;
    std::vector<Path> trees_;
  };

  Path tree_of(const Path& layer) const;
  // `layers` are layers' directories; those with unpacked trees are only counted.
  Result<Hold> hold(const std::vector<Path>& layers);
  // The layer, or another form of it in its directory.
  bool is_held(const Path& layer);
  // Before a layer is removed: nobody holds it any more.
  void forget(const Path& layer);
  // After its files were replaced: whoever holds it from now on sees the new ones.
  void renew(const Path& layer);

 private:
  struct Mounted {
    std::vector<sys::MountPoint> points;  // one on the other: only the last is seen
    size_t users = 0;
    uint64_t last_used = 0;
    bool is_stale = false;  // the layer has other files now
  };
  Path mount_point_of(const Path& layer) const;
  Result<sys::MountPoint> mount(const Path& layer);
  Result<> use(const Path& layer);
  void release(const Hold& hold);
  void unmount_idle();
  void unmount(const Path& layer);

  const Path layers_;
  const Path place_;
  std::mutex mutex_;
  std::optional<sys::MountPoint> tmpfs_;  // at `place_`, from the first mount on
  std::map<Path, Mounted> mounted_;
  std::map<Path, size_t> trees_;  // how many hold each of those that need no mount
  uint64_t uses_ = 0;
};

}  // namespace skiff::snapshot
