#include "runtime/rootfs_shields.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>

#include "base/strings.h"
#include "sys/mounts.h"

namespace skiff::runtime {

namespace {

// The place to shield; none when it is not there.
Result<UniqueFd> find(const sys::RootDir& root, const std::string& path) {
  Result<UniqueFd> found = root.open_at(path, O_PATH);
  if (found) return found;
  bool absent = found.error().code() == Code::kNotFound || found.error().sys_errno() == ENOTDIR;
  if (absent) return UniqueFd();
  return found;
}

Result<UniqueFd> empty_directory(const std::string& label) {
  std::vector<std::pair<std::string, std::string>> options{{"size", "0"}, {"mode", "755"}};
  if (!label.empty()) options.emplace_back("context", label);
  return sys::new_filesystem(
      {.type = "tmpfs",
       .source = "tmpfs",
       .options = std::move(options),
       .attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC});
}

Result<UniqueFd> another_empty_directory(const UniqueFd& first, const std::string& label) {
  return first ? sys::clone_mount(first.get(), "", false) : empty_directory(label);
}

Result<UniqueFd> null_device() {
  UniqueFd null = TRY(sys::clone_mount(AT_FDCWD, "/dev/null", false));
  struct stat st{};
  if (::fstat(null.get(), &st) != 0) return Error::from_errno(errno, "stat /dev/null");
  if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3)) {
    return Error(Code::kFailedPrecondition, "the host's /dev/null is another file");
  }
  // It is the host's inode: its mode and owner are not the container's to change.
  TRY(sys::change_mount(null.get(),
                        {.set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC}));
  return null;
}

// Nothing can be put over the root: whoever has it open goes on below. Over another mount of the
// same directory it can.
bool is_root(const sys::RootDir& root, const UniqueFd& target) {
  struct statx whole{};
  struct statx part{};
  const auto look = [](int fd, struct statx& found) {
    return ::statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &found) == 0;
  };
  return look(root.fd(), whole) && look(target.get(), part) && whole.stx_ino == part.stx_ino &&
         whole.stx_dev_major == part.stx_dev_major && whole.stx_dev_minor == part.stx_dev_minor &&
         whole.stx_mnt_id == part.stx_mnt_id;
}

}  // namespace

Result<> make_path_readonly(const sys::RootDir& root, const std::string& path) {
  std::string what = cat("make ", path, " read-only");
  UniqueFd target = TRY_CONTEXT(find(root, path), what);
  if (!target) return {};
  if (is_root(root, target)) {
    return sys::change_mount(root.fd(), {.set = MOUNT_ATTR_RDONLY}).context(what);
  }
  UniqueFd copy = TRY_CONTEXT(sys::clone_mount(target.get(), "", true), what);
  TRY_CONTEXT(sys::change_mount(copy.get(), {.set = MOUNT_ATTR_RDONLY, .recursive = true}), what);
  return sys::attach_mount(copy.get(), target.get()).context(what);
}

Result<> mask_path(const sys::RootDir& root, const std::string& path, const std::string& label,
                   UniqueFd& empty) {
  std::string what = cat("mask ", path);
  UniqueFd target = TRY_CONTEXT(find(root, path), what);
  if (!target) return {};
  if (is_root(root, target)) return Error(Code::kInvalidArgument, cat(what, ": it is the root"));
  struct stat st{};
  if (::fstat(target.get(), &st) != 0) return Error::from_errno(errno, what);
  bool directory = S_ISDIR(st.st_mode);
  UniqueFd cover =
      TRY_CONTEXT(directory ? another_empty_directory(empty, label) : null_device(), what);
  TRY_CONTEXT(sys::attach_mount(cover.get(), target.get()), what);
  if (directory && !empty) empty = std::move(cover);
  return {};
}

}  // namespace skiff::runtime
