#include "snapshot/file_attributes.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.h"
#include "snapshot/overlay_format.h"
#include "sys/namespaces.h"
#include "sys/root_dir.h"

namespace skiff::snapshot {

namespace {

// The xattr calls take no directory descriptor (before Linux 6.13).
std::string path_of(int directory, const std::string& name) {
  return cat(sys::fd_path(directory), "/", name);
}

Result<std::string> list_names(const std::string& path) {
  std::string names(1024, '\0');
  for (;;) {
    ssize_t n = ::llistxattr(path.c_str(), names.data(), names.size());
    if (n >= 0) {
      names.resize(static_cast<size_t>(n));
      return names;
    }
    if (errno == EOPNOTSUPP) return std::string();
    if (errno != ERANGE) return Error::from_errno(errno, "list extended attributes");
    ssize_t needed = ::llistxattr(path.c_str(), nullptr, 0);
    names.resize(static_cast<size_t>(std::max<ssize_t>(needed, 1024)));
  }
}

Result<std::string> read_value(const std::string& path, const std::string& name) {
  std::string value(size_t{64} << 10U, '\0');  // XATTR_SIZE_MAX
  ssize_t n = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
  if (n < 0) return Error::from_errno(errno, cat("read extended attribute ", name));
  value.resize(static_cast<size_t>(n));
  return value;
}

}  // namespace

bool is_tree_xattr(std::string_view name) {
  const auto overlay = sys::in_user_namespace() ? kUserOverlayXattrs : kTrustedOverlayXattrs;
  return !name.starts_with(overlay) && name != "security.selinux";
}

const char* opaque_xattr() {
  return sys::in_user_namespace() ? "user.overlay.opaque" : "trusted.overlay.opaque";
}

bool is_opaque(int directory) {
  char value[2];
  return ::fgetxattr(directory, opaque_xattr(), value, sizeof value) == 1 && value[0] == 'y';
}

Result<Xattrs> read_xattrs(int directory, const std::string& name) {
  std::string path = path_of(directory, name);
  Xattrs xattrs;
  for (const std::string& key : split(TRY_CONTEXT(list_names(path), name), '\0')) {
    if (key.empty() || !is_tree_xattr(key)) continue;
    xattrs[key] = TRY_CONTEXT(read_value(path, key), name);
  }
  return xattrs;
}

Result<> write_xattrs(int directory, const std::string& name, const Xattrs& xattrs) {
  if (xattrs.empty()) return {};
  std::string path = path_of(directory, name);
  for (const auto& [key, value] : xattrs) {
    if (!is_tree_xattr(key)) continue;
    if (::lsetxattr(path.c_str(), key.c_str(), value.data(), value.size(), 0) == 0) continue;
    const bool is_refused =
        key.starts_with("user.") || (key.starts_with("trusted.") && sys::in_user_namespace());
    if (errno == EOPNOTSUPP || (errno == EPERM && is_refused)) continue;
    return Error::from_errno(errno, cat("set extended attribute ", key));
  }
  return {};
}

TimePoint time_of(const timespec& ts) {
  return TimePoint(std::chrono::seconds(ts.tv_sec) + std::chrono::nanoseconds(ts.tv_nsec));
}

timespec timespec_of(TimePoint time) {
  auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return {seconds.time_since_epoch().count(), (time - seconds).count()};
}

Result<> copy_directory_attributes(int from, int to) {
  struct stat st{};
  if (::fstat(from, &st) != 0) return Error::from_errno(errno, "stat directory");
  if (::fchown(to, st.st_uid, st.st_gid) != 0) return Error::from_errno(errno, "chown directory");
  TRY(write_xattrs(to, ".", TRY(read_xattrs(from, "."))));
  if (::fchmod(to, st.st_mode & 07777) != 0) return Error::from_errno(errno, "chmod directory");
  timespec times[2] = {st.st_atim, st.st_mtim};
  if (::futimens(to, times) != 0) return Error::from_errno(errno, "set times of directory");
  return {};
}

}  // namespace skiff::snapshot
