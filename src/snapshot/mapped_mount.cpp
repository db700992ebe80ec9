#include "snapshot/mapped_mount.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "base/strings.h"
#include "snapshot/overlay_mount.h"
#include "sys/mounts.h"

namespace skiff::snapshot {

namespace {

// The directory itself, mapped, over itself.
Result<> cover(const Path& directory, int user_namespace) {
  const UniqueFd mapped = TRY(sys::clone_mount(AT_FDCWD, directory.native(), false));
  TRY_CONTEXT(sys::map_mount_ids(mapped.get(), user_namespace, false), directory.native());
  const UniqueFd place = TRY(open_file(directory, O_PATH | O_DIRECTORY));
  return sys::attach_mount(mapped.get(), place.get());
}

// In a mount namespace of its own, where each layer's path shows it mapped: before Linux 6.15
// overlayfs takes no layer that is mounted nowhere.
Result<UniqueFd> make_here(const Mount& what) {
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return Error::from_errno(errno, "make a mount namespace");
  }
  const int ids = what.ids->fd();
  for (const Path& lower : what.lowers) TRY(cover(lower, ids));
  // Upper and work directory are to be in one mount.
  if (!what.upper.empty()) TRY(cover(what.upper.parent_path(), ids));
  // Overlayfs works as whoever mounted it, and the host's root has no id in the upper directory.
  TRY(sys::make_files_as_root_of(what.ids->maps()));
  return make_overlay(what);
}

}  // namespace

Result<UniqueFd> make_mapped_overlay(const Mount& what) {
  Result<UniqueFd> overlay;
  std::thread([&] { overlay = make_here(what); }).join();
  return std::move(overlay).context("map the ids of layers");
}

Result<> check_mapped_mounts(const Path& scratch) {
  const TempDir directory = TRY(TempDir::make(std::filesystem::absolute(scratch), "probe-"));
  const auto part = [&](const char* name) { return directory.path() / name; };
  for (const char* name : {"lower", "own/upper", "own/work", "target"}) {
    TRY(make_directories(part(name)));
  }
  const sys::IdMaps maps{.uids = {{0, 1, 1}}, .gids = {{0, 1, 1}}};
  const auto probe = [&]() -> Result<> {
    const Mount what{.lowers = {part("lower")},
                     .upper = part("own/upper"),
                     .work = part("own/work"),
                     .ids = TRY(sys::UserNamespace::make(maps))};
    TRY(MountedSnapshot::mount(what, part("target")));
    return {};
  };
  if (const Result<> mounted = probe(); !mounted) {
    return Error(
        Code::kUnimplemented,
        cat("user namespaces for containers need Linux 6.8 and id-mapped mounts of ",
            scratch.native(), " (as ext4, xfs, btrfs have them): ", mounted.error().message()));
  }
  return {};
}

}  // namespace skiff::snapshot
