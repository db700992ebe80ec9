#include "engine/node.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <cerrno>
#include <limits>

#include "base/file.h"
#include "base/strings.h"
#include "sys/namespaces.h"
#include "sys/root_dir.h"

namespace skiff::engine {

namespace {

constexpr mode_t kPermissions = 07777;
constexpr size_t kLargestXattr = 64 << 10;

Error failed(std::string_view what, std::string_view entry) {
  return Error::from_errno(errno, cat(what, " ", entry));
}

// "/proc/self/fd/N/name": xattr calls take no directory descriptor. Only the last component
// is the tree's, and the l-calls do not follow it.
std::string path_in(int parent, const std::string& name) {
  return cat(sys::fd_path(parent), "/", name);
}

Result<std::map<std::string, std::string>> read_xattrs(const std::string& path) {
  std::map<std::string, std::string> out;
  ssize_t size = ::llistxattr(path.c_str(), nullptr, 0);
  if (size < 0) {
    if (errno == ENOTSUP) return out;
    return failed("list attributes of", path);
  }
  std::string names(static_cast<size_t>(size), '\0');
  size = ::llistxattr(path.c_str(), names.data(), names.size());
  if (size < 0) return out;
  names.resize(static_cast<size_t>(size));
  for (const std::string& key : split(names, '\0')) {
    // The overlay's own and the LSM's labels belong to this host.
    if (key.empty() || key.starts_with("trusted.") || key == "security.selinux") continue;
    std::string value(kLargestXattr, '\0');
    ssize_t length = ::lgetxattr(path.c_str(), key.c_str(), value.data(), value.size());
    if (length < 0) continue;
    value.resize(static_cast<size_t>(length));
    out.emplace(key, std::move(value));
  }
  return out;
}

Result<> write_file_body(int parent, const std::string& name, Source& body) {
  UniqueFd fd(
      ::openat(parent, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return failed("create", name);
  TRY_CONTEXT(copy_sparse(body, fd.get(), {}), cat("write ", name));
  return {};
}

Result<> create(int parent, const std::string& name, const TarEntry& entry, Source& body) {
  switch (entry.type) {
    case TarType::kFile:
      return write_file_body(parent, name, body);
    case TarType::kDirectory:
      if (::mkdirat(parent, name.c_str(), 0700) != 0) return failed("create directory", entry.name);
      return {};
    case TarType::kSymlink:
      if (::symlinkat(entry.link_target.c_str(), parent, name.c_str()) != 0) {
        return failed("create symlink", entry.name);
      }
      return {};
    case TarType::kCharDevice:
    case TarType::kBlockDevice:
    case TarType::kFifo: {
      mode_t type = entry.type == TarType::kFifo         ? S_IFIFO
                    : entry.type == TarType::kCharDevice ? S_IFCHR
                                                         : S_IFBLK;
      dev_t device = makedev(entry.dev_major, entry.dev_minor);
      if (::mknodat(parent, name.c_str(), type | 0600, device) != 0) {
        return failed("create device", entry.name);
      }
      return {};
    }
    case TarType::kHardLink:
      break;
  }
  return Error(Code::kInvalidArgument, cat("cannot create ", entry.name));
}

// True when `entry` may be made now; false when a directory is there to be kept.
Result<bool> clear_the_way(int parent, const std::string& name, const TarEntry& entry,
                           OnConflict on_conflict) {
  struct stat st{};
  if (::fstatat(parent, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return true;
    return failed("look up", entry.name);
  }
  const bool is_directory = S_ISDIR(st.st_mode);
  if (is_directory && entry.type == TarType::kDirectory) return false;
  TRY(check_conflict(is_directory, entry, on_conflict));
  if (::unlinkat(parent, name.c_str(), is_directory ? AT_REMOVEDIR : 0) != 0) {
    return failed("replace", entry.name);
  }
  return true;
}

}  // namespace

Result<TarEntry> describe_node(int parent, const std::string& name, std::string entry_name) {
  struct stat st{};
  if (::fstatat(parent, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return failed("stat", name);
  const auto type = tar_type_of(st.st_mode);
  if (!type) return Error(Code::kUnimplemented, cat(entry_name, " is a socket"));
  TarEntry entry;
  entry.type = *type;
  entry.name = std::move(entry_name);
  if (entry.type == TarType::kDirectory && !entry.name.ends_with('/')) entry.name += '/';
  entry.mode = st.st_mode & kPermissions;
  entry.uid = st.st_uid;
  entry.gid = st.st_gid;
  entry.mtime = TimePoint(std::chrono::seconds(st.st_mtim.tv_sec) +
                          std::chrono::nanoseconds(st.st_mtim.tv_nsec));
  if (entry.type == TarType::kFile) entry.size = static_cast<uint64_t>(st.st_size);
  if (entry.type == TarType::kSymlink) entry.link_target = TRY(read_link_at(parent, name));
  if (entry.type == TarType::kCharDevice || entry.type == TarType::kBlockDevice) {
    entry.dev_major = major(st.st_rdev);
    entry.dev_minor = minor(st.st_rdev);
  }
  entry.xattrs = TRY(read_xattrs(path_in(parent, name)));
  return entry;
}

Result<UniqueFd> open_regular(int parent, const std::string& name) {
  UniqueFd fd(
      ::openat(parent, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat st{};
  if (!fd || ::fstat(fd.get(), &st) != 0) return failed("open", name);
  if (!S_ISREG(st.st_mode)) {
    return Error(Code::kFailedPrecondition, cat(name, " is not a regular file any more"));
  }
  return fd;
}

Result<> check_conflict(bool is_directory, const TarEntry& entry, OnConflict on_conflict) {
  const bool wants_directory = entry.type == TarType::kDirectory;
  if (is_directory == wants_directory || on_conflict == OnConflict::kReplace) return {};
  return Error(
      Code::kInvalidArgument,
      is_directory
          ? cat("cannot overwrite directory ", skiff::quoted(entry.name), " with non-directory")
          : cat("cannot overwrite non-directory ", skiff::quoted(entry.name), " with directory"));
}

Result<> check_owner(const TarEntry& entry) {
  // One cut down to 32 bits could be root's; the highest means "unchanged" to chown.
  constexpr uint64_t kHighest = std::numeric_limits<uid_t>::max() - 1;
  if (entry.uid <= kHighest && entry.gid <= kHighest) return {};
  return Error(Code::kInvalidArgument,
               cat(entry.name, ": owner ", entry.uid, ":", entry.gid, " is out of range"));
}

Result<> make_node(int parent, const std::string& name, const TarEntry& entry, Source& body,
                   OnConflict on_conflict) {
  const bool is_device = entry.type == TarType::kCharDevice || entry.type == TarType::kBlockDevice;
  // Left out there, as Docker does.
  if (is_device && sys::in_user_namespace()) return {};
  if (TRY(clear_the_way(parent, name, entry, on_conflict))) {
    TRY(create(parent, name, entry, body));
  }
  return set_attributes(parent, name, entry);
}

Result<> set_attributes(int parent, const std::string& name, const TarEntry& entry) {
  const char* path = name.c_str();
  TRY(check_owner(entry));
  if (::fchownat(parent, path, static_cast<uid_t>(entry.uid), static_cast<gid_t>(entry.gid),
                 AT_SYMLINK_NOFOLLOW) != 0) {
    return failed("change owner of", entry.name);
  }
  std::string full = path_in(parent, name);
  if (entry.type != TarType::kSymlink) {
    // fchmodat(2) follows symlinks: an O_PATH descriptor pins what was made.
    UniqueFd pinned(::openat(parent, path, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat st{};
    if (!pinned || ::fstat(pinned.get(), &st) != 0) return failed("open", entry.name);
    if (S_ISLNK(st.st_mode)) {
      return Error(Code::kFailedPrecondition, cat(entry.name, " was replaced by a symlink"));
    }
    if (::chmod(sys::fd_path(pinned.get()).c_str(), entry.mode & kPermissions) != 0) {
      return failed("change mode of", entry.name);
    }
  }
  for (const auto& [key, value] : entry.xattrs) {
    if (::lsetxattr(full.c_str(), key.c_str(), value.data(), value.size(), 0) != 0 &&
        errno != ENOTSUP) {
      return failed(cat("set attribute ", key, " of"), entry.name);
    }
  }
  auto since_epoch = entry.mtime.time_since_epoch();
  auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  timespec time{seconds.count(), (since_epoch - seconds).count()};
  timespec times[2] = {time, time};
  if (::utimensat(parent, path, times, AT_SYMLINK_NOFOLLOW) != 0) {
    return failed("set times of", entry.name);
  }
  return {};
}

}  // namespace skiff::engine
