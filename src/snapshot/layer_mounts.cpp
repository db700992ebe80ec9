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

Result<sys::MountPoint> attach(const UniqueFd& mount, const Path& target) {
  TRY(sys::change_mount(mount.get(), {.propagation = MS_PRIVATE}));
  const UniqueFd place = TRY(open_file(target, O_PATH | O_DIRECTORY));
  TRY(sys::attach_mount(mount.get(), place.get()));
  return sys::MountPoint(target);
}

Result<sys::MountPoint> mount_tmpfs(const Path& target) {
  const UniqueFd mount = TRY(sys::new_filesystem({.type = "tmpfs", .options = {{"mode", "0700"}}}));
  return attach(mount, target);
}

// Where the tar cannot be read past the page cache (a disk of sectors larger than 512 bytes), what
// its mount read of it is cached twice. The mount's own pages stay for the next user.
void drop_cache(const Path& tar) {
  const Result<UniqueFd> file = open_file(tar, O_RDONLY);
  if (file) ::posix_fadvise(file->get(), 0, 0, POSIX_FADV_DONTNEED);
}

}  // namespace

Path LayerMounts::tree_of(const Path& layer) const {
  return is_indexed(layer) ? mount_point_of(layer) : layer / kTreeName;
}

// "12", or "12-flat" of its other form.
Path LayerMounts::mount_point_of(const Path& layer) const {
  std::string name = layer.lexically_relative(layers_).native();
  std::ranges::replace(name, '/', '-');
  return place_ / name;
}

Result<sys::MountPoint> LayerMounts::mount(const Path& layer) {
  if (!tmpfs_) tmpfs_ = TRY(mount_tmpfs(place_));
  const UniqueFd mount = TRY(sys::mount_erofs(layer / kIndexName, layer / kTarName));
  const Path target = mount_point_of(layer);
  TRY(make_directories(target, 0700));
  return attach(mount, target);
}

LayerMounts::Hold& LayerMounts::Hold::operator=(Hold&& other) noexcept {
  std::swap(mounts_, other.mounts_);
  std::swap(mounted_, other.mounted_);
  std::swap(trees_, other.trees_);
  return *this;
}

LayerMounts::Hold::~Hold() {
  if (mounts_ != nullptr) mounts_->release(*this);
}

Result<LayerMounts::Hold> LayerMounts::hold(const std::vector<Path>& layers) {
  Hold held(this);
  for (const Path& layer : layers) {
    const std::scoped_lock lock(mutex_);
    if (is_indexed(layer)) {
      TRY(use(layer));
      held.mounted_.push_back(layer);
    } else {
      ++trees_[layer];
      held.trees_.push_back(layer);
    }
  }
  return held;
}

bool LayerMounts::is_held(const Path& layer) {
  const auto is_of_it = [&](const Path& held) {
    return held == layer || held.native().starts_with(layer.native() + "/");
  };
  const std::scoped_lock lock(mutex_);
  return std::ranges::any_of(
             mounted_,
             [&](const auto& each) { return each.second.users > 0 && is_of_it(each.first); }) ||
         std::ranges::any_of(trees_, [&](const auto& each) { return is_of_it(each.first); });
}

Result<> LayerMounts::use(const Path& layer) {
  const auto found = mounted_.find(layer);
  if (found == mounted_.end() || found->second.is_stale) {
    sys::MountPoint point = TRY_CONTEXT(mount(layer), cat("mount layer ", layer.native()));
    mounted_[layer].points.push_back(std::move(point));
  }
  Mounted& mounted = mounted_[layer];
  mounted.is_stale = false;
  ++mounted.users;
  mounted.last_used = ++uses_;
  return {};
}

void LayerMounts::release(const Hold& hold) {
  const std::scoped_lock lock(mutex_);
  for (const Path& layer : hold.mounted_) {
    const auto found = mounted_.find(layer);
    if (found != mounted_.end() && --found->second.users == 0) drop_cache(layer / kTarName);
  }
  for (const Path& layer : hold.trees_) {
    if (auto found = trees_.find(layer); --found->second == 0) trees_.erase(found);
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
    unmount(Path(oldest->first));
  }
}

void LayerMounts::forget(const Path& layer) {
  const std::scoped_lock lock(mutex_);
  unmount(layer);
}

void LayerMounts::renew(const Path& layer) {
  const std::scoped_lock lock(mutex_);
  const auto found = mounted_.find(layer);
  if (found == mounted_.end()) return;
  found->second.is_stale = true;
  if (found->second.users == 0) unmount(layer);
}

void LayerMounts::unmount(const Path& layer) {
  if (mounted_.erase(layer) > 0) ::rmdir(mount_point_of(layer).c_str());
}

}  // namespace skiff::snapshot
