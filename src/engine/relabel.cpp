#include "engine/relabel.h"

#include <fcntl.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/strings.h"
#include "engine/tree.h"
#include "runtime/selinux_contexts.h"
#include "sys/root_dir.h"

namespace skiff::engine {

namespace {

constexpr const char* kLabel = "security.selinux";

// With its programs or everybody's files unreadable, the host would be lost.
bool is_protected(const Path& path) {
  constexpr std::array kPaths = {
      "/",     "/bin", "/boot",  "/dev",   "/etc", "/etc/passwd", "/etc/pki", "/etc/shadow",
      "/home", "/lib", "/lib64", "/media", "/opt", "/proc",       "/root",    "/run",
      "/sbin", "/srv", "/sys",   "/tmp",   "/usr", "/var",        "/var/lib", "/var/log"};
  return std::ranges::find(kPaths, path.native()) != kPaths.end();
}

// Of the open entry itself, whatever its name leads to by now.
Result<> set_label(int fd, const std::string& label, const std::string& name) {
  if (::setxattr(sys::fd_path(fd).c_str(), kLabel, label.data(), label.size(), 0) == 0) return {};
  if (errno == ENOTSUP) return {};
  return Error::from_errno(errno, cat("set label of ", name));
}

Result<> relabel_entry(UniqueFd entry, const std::string& label, const std::string& path,
                       int depth);

Result<> relabel_below(int directory, const std::string& label, const std::string& path,
                       int depth) {
  TRY(check_depth(depth, path));
  const std::vector<std::string> names = TRY(names_in(directory));
  for (const std::string& name : names) {
    UniqueFd entry(::openat(directory, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!entry && errno == ENOENT) continue;
    if (!entry) return Error::from_errno(errno, cat("open ", path, "/", name));
    TRY(relabel_entry(std::move(entry), label, cat(path, "/", name), depth + 1));
  }
  return {};
}

Result<> relabel_entry(UniqueFd entry, const std::string& label, const std::string& path,
                       int depth) {
  TRY(set_label(entry.get(), label, path));
  const UniqueFd directory(::openat(entry.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return directory ? relabel_below(directory.get(), label, path, depth) : Result<>();
}

}  // namespace

std::string relabel_word(const std::string& mode) {
  for (const std::string& word : split(mode, ',')) {
    if (word == "z" || word == "Z") return word;
  }
  return "";
}

Result<> relabel(const Path& path, const std::string& label, bool shared) {
  if (label.empty()) return {};
  UniqueFd top = TRY(open_file(path, O_PATH));
  const Path real = TRY(read_link_at(AT_FDCWD, sys::fd_path(top.get())));
  if (is_protected(real)) {
    return Error(Code::kInvalidArgument,
                 cat("SELinux relabeling of ", real.native(), " is not allowed"));
  }
  runtime::SelinuxContext context = TRY(runtime::SelinuxContext::parse(label));
  if (shared) context.level = runtime::kSharedLevel;
  return relabel_entry(std::move(top), context.str(), real.native(), 0);
}

Result<> relabel_sources(const Core& core, const Container& container) {
  if (!core.labels.is_on()) return {};
  const ContainerInfo info = container.info();
  const std::string& label = info.labels.mount;
  const bool shares_network = info.host_config.network_mode.starts_with("container:");
  const ContainerPaths& own = container.paths;
  for (const Path& file : {own.hostname(), own.hosts(), own.resolv_conf()}) {
    TRY(relabel(file, label, shares_network));
  }
  for (const MountPoint& mount : info.mounts) {
    const std::string word = relabel_word(mount.mode);
    if (word.empty() || mount.type == MountType::kTmpfs) continue;
    TRY_CONTEXT(relabel(mount.source, label, word == "z"),
                cat("error setting label on mount source '", mount.source, "'"));
  }
  return {};
}

}  // namespace skiff::engine
