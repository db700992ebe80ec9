// LayerMounts: shows the trees of layers that are kept as a tar and an index.
//
//   auto hold = TRY(mounts.hold({root / "snapshots/1", root / "snapshots/2"}));
//   ... snapshots/1/fs and snapshots/2/fs show their trees as long as the hold lives ...
//
// A layer's directory holds its tree at fs/, or `layer.tar` and `layer.erofs`, the index, which
// is mounted at an empty fs/ when somebody needs it. One mount serves all users of a layer, so that
// they share the page cache. A layer that nobody uses stays mounted for the next, up to a number of
// layers.
#pragma once

#include <map>
#include <mutex>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "snapshot/layer_directory.h"
#include "sys/mounts.h"

namespace skiff::snapshot {

// Thread-safe. Destroying it unmounts all: what overlayfs has of them by then stays in use.
class LayerMounts {
 public:
  class Hold {
   public:
    Hold() = default;
    Hold(Hold&& other) noexcept
        : mounts_(std::exchange(other.mounts_, nullptr)), layers_(std::move(other.layers_)) {}
    Hold& operator=(Hold&& other) noexcept;
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold();

   private:
    friend class LayerMounts;
    explicit Hold(LayerMounts* mounts) : mounts_(mounts) {}
    LayerMounts* mounts_ = nullptr;
    std::vector<Path> layers_;
  };

  // `layers` are layers' directories; those with unpacked trees need nothing.
  Result<Hold> hold(const std::vector<Path>& layers);
  // Before a layer is removed: nobody holds it any more.
  void forget(const Path& layer);
  // Unless somebody holds it.
  void forget_idle(const Path& layer);

 private:
  struct Mounted {
    sys::MountPoint point;
    size_t users = 0;
    uint64_t last_used = 0;
  };
  Result<> use(const Path& layer);
  void release(const std::vector<Path>& layers);
  void unmount_idle();

  std::mutex mutex_;
  std::map<Path, Mounted> mounted_;
  uint64_t uses_ = 0;
};

}  // namespace skiff::snapshot
