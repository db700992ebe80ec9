#include "snapshot/layer_mounts.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/strings.h"
#include "sys/erofs_mount.h"

namespace skiff::snapshot {

namespace {

// Layers of images that ran lately and may run again: unmounting one drops its page cache.
// As many as one container can stand on.
constexpr size_t kIdleMounts = 512;

Result<sys::MountPoint> mount_layer(const Path& layer) {
  const Path tree = layer / kTreeName;
  TRY(make_directories(tree, 0700));
  const UniqueFd mount = TRY(sys::mount_erofs(layer / kIndexName, layer / kTarName));
  TRY(sys::change_mount(mount.get(), {.propagation = MS_PRIVATE}));
  const UniqueFd place = TRY(open_file(tree, O_PATH | O_DIRECTORY));
  TRY(sys::attach_mount(mount.get(), place.get()));
  return sys::MountPoint(tree);
}

}  // namespace

LayerMounts::Hold& LayerMounts::Hold::operator=(Hold&& other) noexcept {
  std::swap(mounts_, other.mounts_);
  std::swap(layers_, other.layers_);
  return *this;
}

LayerMounts::Hold::~Hold() {
  if (mounts_ != nullptr) mounts_->release(layers_);
}

Result<LayerMounts::Hold> LayerMounts::hold(const std::vector<Path>& layers) {
  Hold held(this);
  for (const Path& layer : layers) {
    if (!is_indexed(layer)) continue;
    const std::scoped_lock lock(mutex_);
    TRY(use(layer));
    held.layers_.push_back(layer);
  }
  return held;
}

Result<> LayerMounts::use(const Path& layer) {
  auto found = mounted_.find(layer);
  if (found == mounted_.end()) {
    sys::MountPoint point = TRY_CONTEXT(mount_layer(layer), cat("mount layer ", layer.native()));
    found = mounted_.emplace(layer, Mounted{.point = std::move(point)}).first;
  }
  ++found->second.users;
  found->second.last_used = ++uses_;
  return {};
}

void LayerMounts::release(const std::vector<Path>& layers) {
  const std::scoped_lock lock(mutex_);
  for (const Path& layer : layers) {
    if (auto found = mounted_.find(layer); found != mounted_.end()) --found->second.users;
  }
  unmount_idle();
}

void LayerMounts::unmount_idle() {
  const auto idle = [](const auto& each) { return each.second.users == 0; };
  auto count = static_cast<size_t>(std::ranges::count_if(mounted_, idle));
  for (; count > kIdleMounts; --count) {
    auto oldest = mounted_.end();
    for (auto each = mounted_.begin(); each != mounted_.end(); ++each) {
      if (!idle(*each)) continue;
      if (oldest == mounted_.end() || each->second.last_used < oldest->second.last_used) {
        oldest = each;
      }
    }
    mounted_.erase(oldest);
  }
}

void LayerMounts::forget(const Path& layer) {
  const std::scoped_lock lock(mutex_);
  mounted_.erase(layer);
}

void LayerMounts::forget_idle(const Path& layer) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(mounted_,
                [&](const auto& each) { return each.first == layer && each.second.users == 0; });
}

}  // namespace skiff::snapshot
