#include "snapshot/overlay_mount.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <thread>

#include "base/strings.h"
#include "snapshot/mapped_mount.h"
#include "sys/mounts.h"
#include "sys/namespaces.h"

namespace skiff::snapshot {

namespace {

// A lower directory must mean the same to every snapshot above it: nothing may refer to other
// layers by name (redirect), lack its data (metacopy) or be bound to one upper (index). Layers
// that are mounts of their own show inode numbers of one file system (xino).
// Overlayfs's own attributes in a user namespace are user.overlay.*, which rules redirects out.
std::vector<std::pair<const char*, const char*>> options_of(const Mount& what) {
  const std::pair<const char*, const char*> first =
      sys::in_user_namespace() ? std::pair("userxattr", "") : std::pair("redirect_dir", "off");
  std::vector<std::pair<const char*, const char*>> out{
      first, {"metacopy", "off"}, {"index", "off"}, {"xino", "on"}};
  if (what.is_passing && !what.upper.empty()) out.emplace_back("volatile", "");
  return out;
}

// A mount that was passing leaves a mark, so that nobody trusts its files after a crash. There was
// none where the one who made them mounts them again.
void forget_passing(const Mount& what) {
  if (!what.is_passing || what.upper.empty()) return;
  std::error_code ec;
  std::filesystem::remove_all(what.work / "work/incompat", ec);
}

Result<> attach_overlay(const UniqueFd& mount, const Path& target) {
  UniqueFd place = TRY(open_file(target, O_PATH | O_DIRECTORY));
  return sys::attach_mount(mount.get(), place.get());
}

// What one directory alone makes: overlayfs wants two.
Result<> mount_single(const Mount& what, const Path& target) {
  const Path& directory = what.lowers.empty() ? what.upper : what.lowers.front();
  UniqueFd mount = TRY(sys::clone_mount(AT_FDCWD, directory.native(), false));
  sys::MountChange change{.propagation = MS_PRIVATE};
  if (!what.lowers.empty()) change.set = MOUNT_ATTR_RDONLY;
  TRY(sys::change_mount(mount.get(), change));
  if (what.ids) TRY(sys::map_mount_ids(mount.get(), what.ids->fd(), false));
  return attach_overlay(mount, target);
}

Path common_parent(const Mount& what) {
  Path common = what.lowers.front().parent_path();
  auto narrow = [&](const Path& path) {
    while (path.lexically_relative(common).native().starts_with("..")) {
      common = common.parent_path();
    }
  };
  for (const Path& lower : what.lowers) narrow(lower);
  if (!what.upper.empty()) {
    narrow(what.upper);
    narrow(what.work);
  }
  return common;
}

std::string escaped(const Path& path) {
  std::string text;
  for (char c : path.native()) {
    if (c == '\\' || c == ':' || c == ',') text.push_back('\\');
    text.push_back(c);
  }
  return text;
}

std::string option_text(const Mount& what, const Path& base) {
  std::string text = "lowerdir=";
  for (const Path& lower : what.lowers) {
    if (&lower != &what.lowers.front()) text.push_back(':');
    text.append(escaped(lower.lexically_relative(base)));
  }
  if (!what.upper.empty()) {
    text.append(",upperdir=").append(escaped(what.upper.lexically_relative(base)));
    text.append(",workdir=").append(escaped(what.work.lexically_relative(base)));
  }
  for (auto [key, value] : options_of(what)) {
    text.append(cat(",", key, *value == '\0' ? "" : "=", value));
  }
  // Quoted: there are commas in it.
  if (!what.label.empty()) text.append(cat(",context=\"", what.label, "\""));
  return text;
}

Result<> mount_as_needed(const Mount& what, const Path& target) {
  if (what.lowers.empty() && what.upper.empty()) {
    return Error(Code::kInvalidArgument, "there is nothing to mount");
  }
  const bool is_single = what.lowers.size() + (what.upper.empty() ? 0 : 1) == 1;
  if (is_single) return mount_single(what, target);
  forget_passing(what);
  Result<UniqueFd> overlay = what.ids ? make_mapped_overlay(what) : make_overlay(what);
  if (overlay) return attach_overlay(*overlay, target);
  if (what.ids || overlay.error().code() != Code::kUnimplemented) return overlay.error();
  return mount_overlay_by_text(what, target);
}

}  // namespace

Result<UniqueFd> make_overlay(const Mount& what) {
  std::vector<UniqueFd> open;
  const auto option = [&](const Path& path) {
    return sys::option_path(path, O_PATH | O_DIRECTORY, open);
  };
  sys::FilesystemOptions wanted{.type = "overlay", .source = "overlay"};
  for (auto [key, value] : options_of(what)) wanted.options.emplace_back(key, value);
  if (!what.label.empty()) wanted.options.emplace_back("context", what.label);
  for (const Path& lower : what.lowers) {
    wanted.options.emplace_back("lowerdir+", TRY(option(lower)));
  }
  if (!what.upper.empty()) {
    wanted.options.emplace_back("upperdir", TRY(option(what.upper)));
    wanted.options.emplace_back("workdir", TRY(option(what.work)));
  }
  Result<UniqueFd> mount = sys::new_filesystem(wanted);
  if (mount) return mount;
  // Unknown to older kernels: from Linux 6.5 on it is refused at once, before that with all the
  // options when the filesystem is made.
  const std::string& said = mount.error().message();
  bool unknown =
      mount.error().sys_errno() == EINVAL && (said.find("option lowerdir+") != std::string::npos ||
                                              said.find(": create") != std::string::npos);
  if (unknown) return Error(Code::kUnimplemented, mount.error().message());
  return mount;
}

Result<> mount_overlay_by_text(const Mount& what, const Path& target) {
  Path base = common_parent(what);
  std::string options = option_text(what, base);
  if (options.size() >= static_cast<size_t>(::getpagesize())) {
    return Error(Code::kResourceExhausted,
                 cat(what.lowers.size(), " layers are more than this kernel can mount at once: ",
                     "use Linux 6.8 or newer"));
  }
  Path place = std::filesystem::absolute(target);
  int failure = 0;
  // A working directory of its own: that of the process belongs to everybody.
  std::thread([&] {
    if (::unshare(CLONE_FS) != 0 || ::chdir(base.c_str()) != 0 ||
        ::mount("overlay", place.c_str(), "overlay", 0, options.c_str()) != 0) {
      failure = errno;
    }
  }).join();
  if (failure != 0) return Error::from_errno(failure, "mount overlay");
  return {};
}

Result<MountedSnapshot> MountedSnapshot::mount(const Mount& what, const Path& target) {
  TRY_CONTEXT(mount_as_needed(what, target),
              cat("mount snapshot ", what.upper.empty() ? "" : what.upper.native(), " at ",
                  target.native()));
  return MountedSnapshot(target);
}

Result<MountedSnapshot> MountedSnapshot::mount(const Find& find, const Path& target) {
  for (int attempt = 1;; ++attempt) {
    const Mount what = TRY(find());
    auto mounted = mount(what, target);
    if (mounted || mounted.error().code() != Code::kNotFound || attempt == kAttempts) {
      return mounted;
    }
  }
}

MountedSnapshot& MountedSnapshot::operator=(MountedSnapshot&& other) noexcept {
  std::swap(target_, other.target_);
  return *this;
}

MountedSnapshot::~MountedSnapshot() {
  if (target_.empty()) return;
  // Detached, it goes as soon as the last user does.
  if (::umount2(target_.c_str(), UMOUNT_NOFOLLOW) != 0) {
    ::umount2(target_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  }
}

}  // namespace skiff::snapshot
