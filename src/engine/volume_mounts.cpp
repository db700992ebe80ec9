#include "engine/volume_mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/log.h"
#include "base/strings.h"
#include "sys/mounts.h"

namespace skiff::engine {

namespace {

struct Needs {
  std::string_view option;
  std::vector<std::string_view> others;
};

std::string option(const Volume& volume, const std::string& name) {
  auto found = volume.options.find(name);
  return found == volume.options.end() ? "" : found->second;
}

bool has_mount(const Volume& volume) { return volume.options.contains("device"); }

struct Wanted {
  sys::FilesystemOptions filesystem;
  sys::MountChange change;
  bool bind = false;
  bool recursive = false;
};

Wanted read_options(const Volume& volume) {
  Wanted wanted;
  wanted.filesystem.type = option(volume, "type");
  wanted.filesystem.source = option(volume, "device");
  for (const std::string& word : split(option(volume, "o"), ',')) {
    if (word.empty()) continue;
    const sys::MountOption known = sys::parse_mount_option(word);
    wanted.bind = wanted.bind || known.bind;
    wanted.recursive = wanted.recursive || known.recursive_bind;
    if (known.known) {
      wanted.change.set = (wanted.change.set & ~known.change.clear) | known.change.set;
      wanted.change.clear = (wanted.change.clear & ~known.change.set) | known.change.clear;
    } else {
      const auto pair = split_once(word, '=');
      wanted.filesystem.options.emplace_back(pair ? pair->first : word,
                                             pair ? pair->second : std::string_view());
    }
    if (!known.superblock.empty()) wanted.filesystem.options.emplace_back(known.superblock, "");
  }
  return wanted;
}

Result<bool> is_mounted(const Path& directory) {
  struct statx found{};
  if (::statx(AT_FDCWD, directory.c_str(), AT_SYMLINK_NOFOLLOW, 0, &found) != 0) {
    return Error::from_errno(errno, cat("stat ", directory.native()));
  }
  return (found.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

Result<> mount_it(const Volume& volume) {
  const Wanted wanted = read_options(volume);
  const std::string& device = wanted.filesystem.source;
  UniqueFd made = wanted.bind ? TRY(sys::clone_mount(AT_FDCWD, device, wanted.recursive))
                              : TRY(sys::new_filesystem(wanted.filesystem));
  TRY(sys::change_mount(made.get(), wanted.change));
  UniqueFd target = TRY(open_file(volume.mountpoint, O_PATH | O_DIRECTORY | O_NOFOLLOW));
  return sys::attach_mount(made.get(), target.get());
}

Result<> unmount_it(const Volume& volume) {
  // Lazily: containers have mounts of their own of what is there.
  if (::umount2(volume.mountpoint.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return {};
  return Error::from_errno(errno, cat("unmount volume ", volume.name));
}

}  // namespace

Result<> check_volume_options(const std::map<std::string, std::string>& options) {
  constexpr std::array<std::string_view, 4> kKnown = {"type", "o", "device", "size"};
  for (const auto& [name, value] : options) {
    if (std::find(kKnown.begin(), kKnown.end(), name) == kKnown.end()) {
      return Error(Code::kInvalidArgument, cat("invalid option: ", skiff::quoted(name)));
    }
  }
  if (options.contains("size")) {
    return Error(Code::kInvalidArgument, "quota size requested but no quota support");
  }
  const std::array<Needs, 3> needs = {
      {{"device", {"type"}}, {"type", {"device"}}, {"o", {"device", "type"}}}};
  for (const Needs& one : needs) {
    if (!options.contains(std::string(one.option))) continue;
    for (std::string_view other : one.others) {
      if (options.contains(std::string(other))) continue;
      return Error(Code::kInvalidArgument, cat("missing required option: ", skiff::quoted(other)));
    }
  }
  return {};
}

bool is_host_directory(const Volume& volume) {
  return has_mount(volume) && read_options(volume).bind;
}

Result<> VolumeMounts::hold(const Volume& volume, const std::string& holder) {
  if (!has_mount(volume)) return {};
  const std::lock_guard lock(mutex_);
  if (!TRY(is_mounted(volume.mountpoint))) {
    TRY_CONTEXT(mount_it(volume), cat("error while mounting volume '", volume.mountpoint.native(),
                                      "': failed to mount local volume: mount ",
                                      option(volume, "device"), ":", volume.mountpoint.native()));
  }
  holders_[volume.name].insert(holder);
  return {};
}

void VolumeMounts::let_go(const Volume& volume, const std::string& holder) {
  const std::lock_guard lock(mutex_);
  auto held = holders_.find(volume.name);
  if (held == holders_.end() || held->second.erase(holder) == 0 || !held->second.empty()) return;
  holders_.erase(held);
  if (Result<> unmounted = unmount_it(volume); !unmounted) log_warn(unmounted.error().message());
}

Result<> VolumeMounts::drop_unheld(const Volume& volume) {
  if (!has_mount(volume)) return {};
  const std::lock_guard lock(mutex_);
  if (holders_.contains(volume.name)) return {};
  const auto mounted = is_mounted(volume.mountpoint);
  return mounted && *mounted ? unmount_it(volume) : Result<>();
}

}  // namespace skiff::engine
