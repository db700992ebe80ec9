#include "sys/mounts.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "base/strings.h"
#include "sys/procfs.h"
#include "sys/root_dir.h"

namespace skiff::sys {

namespace {

// What the filesystem wrote about the failure: lines "e text", "w text", "i text"; "" for none.
std::string kernel_log(int fs_fd) {
  std::array<char, 512> line;
  std::string text;
  for (;;) {
    ssize_t n = ::read(fs_fd, line.data(), line.size());
    if (n <= 2) return text;
    std::string_view message(line.data(), static_cast<size_t>(n));
    if (!message.starts_with("e ")) continue;
    if (!text.empty()) text.append("; ");
    text.append(trim(message.substr(2)));
  }
}

Error filesystem_error(int fs_fd, const std::string& type, std::string_view what) {
  int err = errno;
  std::string told = kernel_log(fs_fd);
  if (told.empty()) return Error::from_errno(err, cat("mount ", type, ": ", what));
  return Error::from_errno(err, cat("mount ", type, ": ", what, ": ", told));
}

// A path of the mount table, where blanks and the like stand as \040.
std::string unescaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::optional<uint64_t> code;
    if (text.size() >= 4 && text[0] == '\\') code = parse_uint(text.substr(1, 3), 8);
    out.push_back(code ? static_cast<char>(*code) : text[0]);
    text.remove_prefix(code ? 4 : 1);
  }
  return out;
}

Result<> configure(int fs_fd, const FilesystemOptions& wanted) {
  if (!wanted.source.empty() &&
      ::fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", wanted.source.c_str(), 0) != 0) {
    return filesystem_error(fs_fd, wanted.type, cat("source ", wanted.source));
  }
  for (const auto& [key, value] : wanted.options) {
    int done = value.empty()
                   ? ::fsconfig(fs_fd, FSCONFIG_SET_FLAG, key.c_str(), nullptr, 0)
                   : ::fsconfig(fs_fd, FSCONFIG_SET_STRING, key.c_str(), value.c_str(), 0);
    if (done != 0) return filesystem_error(fs_fd, wanted.type, cat("option ", key));
  }
  for (const std::string& flag : wanted.flags_if_known) {
    if (::fsconfig(fs_fd, FSCONFIG_SET_FLAG, flag.c_str(), nullptr, 0) == 0) continue;
    if (errno != EINVAL) return filesystem_error(fs_fd, wanted.type, cat("option ", flag));
    kernel_log(fs_fd);  // what it says of the flag is no part of a later error
  }
  if (::fsconfig(fs_fd, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return filesystem_error(fs_fd, wanted.type, "create");
  }
  return {};
}

struct NamedOption {
  std::string_view name;
  uint64_t set = 0;
  uint64_t clear = 0;
  uint64_t propagation = 0;
  bool recursive = false;
};

// fstab's words, and the recursive ones of OCI runtime-spec config.md, "Linux mount options".
constexpr NamedOption kOptions[] = {
    {"defaults"},
    {"silent"},
    {"loud"},
    // Filesystems that count versions of inodes do so unasked since Linux 6.1.
    {"iversion"},
    {"noiversion"},
    {"ro", MOUNT_ATTR_RDONLY},
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"nosuid", MOUNT_ATTR_NOSUID},
    {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nodev", MOUNT_ATTR_NODEV},
    {"dev", 0, MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"nodiratime", MOUNT_ATTR_NODIRATIME},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME},
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"atime", 0, MOUNT_ATTR__ATIME},
    {"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"norelatime", 0, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"nostrictatime", 0, MOUNT_ATTR__ATIME},
    {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW},
    {"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
    {"rro", MOUNT_ATTR_RDONLY, 0, 0, true},
    {"rrw", 0, MOUNT_ATTR_RDONLY, 0, true},
    {"rnosuid", MOUNT_ATTR_NOSUID, 0, 0, true},
    {"rsuid", 0, MOUNT_ATTR_NOSUID, 0, true},
    {"rnodev", MOUNT_ATTR_NODEV, 0, 0, true},
    {"rdev", 0, MOUNT_ATTR_NODEV, 0, true},
    {"rnoexec", MOUNT_ATTR_NOEXEC, 0, 0, true},
    {"rexec", 0, MOUNT_ATTR_NOEXEC, 0, true},
    {"rnodiratime", MOUNT_ATTR_NODIRATIME, 0, 0, true},
    {"rdiratime", 0, MOUNT_ATTR_NODIRATIME, 0, true},
    {"rnoatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME, 0, true},
    {"ratime", 0, MOUNT_ATTR__ATIME, 0, true},
    {"rrelatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME, 0, true},
    {"rnorelatime", 0, MOUNT_ATTR__ATIME, 0, true},
    {"rstrictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME, 0, true},
    {"rnostrictatime", 0, MOUNT_ATTR__ATIME, 0, true},
    {"rnosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0, 0, true},
    {"rsymfollow", 0, MOUNT_ATTR_NOSYMFOLLOW, 0, true},
    {"private", 0, 0, MS_PRIVATE},
    {"rprivate", 0, 0, MS_PRIVATE, true},
    {"shared", 0, 0, MS_SHARED},
    {"rshared", 0, 0, MS_SHARED, true},
    {"slave", 0, 0, MS_SLAVE},
    {"rslave", 0, 0, MS_SLAVE, true},
    {"unbindable", 0, 0, MS_UNBINDABLE},
    {"runbindable", 0, 0, MS_UNBINDABLE, true},
};

constexpr std::string_view kSuperblockWords[] = {"async",  "dirsync",    "lazytime", "mand",
                                                 "nomand", "nolazytime", "sync"};

// A line of mountinfo ends with " - TYPE SOURCE OPTIONS".
template <typename Wanted>
void unmount_where(Wanted wanted) {
  Result<const ProcFs*> proc = ProcFs::ours();
  Result<std::string> table = proc ? (*proc)->read("self/mountinfo") : proc.error();
  if (!table) return;
  std::vector<std::string> targets;
  for (const std::string& line : split(*table, '\n')) {
    std::vector<std::string> fields = split(line, ' ');
    auto dash = std::find(fields.begin(), fields.end(), "-");
    if (dash - fields.begin() < 5 || fields.end() - dash < 2) continue;
    std::string target = unescaped(fields[4]);
    if (wanted(target, dash[1])) targets.push_back(std::move(target));
  }
  // Later mounts may lie on earlier ones.
  for (auto target = targets.rbegin(); target != targets.rend(); ++target) {
    ::umount2(target->c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  }
}

}  // namespace

Result<std::string> option_path(const Path& path, int flags, std::vector<UniqueFd>& open) {
  constexpr size_t kRefused = 256;
  if (path.native().size() < kRefused) return path.native();
  open.push_back(TRY(open_file(path, flags)));
  return fd_path(open.back().get());
}

Result<UniqueFd> new_filesystem(const FilesystemOptions& wanted) {
  UniqueFd fs(::fsopen(wanted.type.c_str(), FSOPEN_CLOEXEC));
  if (!fs) return Error::from_errno(errno, cat("mount ", wanted.type, ": open the filesystem"));
  TRY(configure(fs.get(), wanted));
  UniqueFd mount(::fsmount(fs.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(wanted.attributes)));
  if (!mount) return filesystem_error(fs.get(), wanted.type, "make the mount");
  return mount;
}

Result<UniqueFd> clone_mount(int dirfd, const std::string& path, bool recursive) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_NO_AUTOMOUNT;
  if (path.empty()) flags |= AT_EMPTY_PATH;
  if (recursive) flags |= AT_RECURSIVE;
  UniqueFd mount(::open_tree(dirfd, path.c_str(), flags));
  if (!mount) return Error::from_errno(errno, cat("clone the mount at ", path));
  return mount;
}

Result<> change_mount(int mount_fd, const MountChange& change) {
  if (change.set == 0 && change.clear == 0 && change.propagation == 0) return {};
  mount_attr attributes{};
  attributes.attr_set = change.set;
  attributes.attr_clr = change.clear;
  attributes.propagation = change.propagation;
  unsigned flags = AT_EMPTY_PATH | (change.recursive ? AT_RECURSIVE : 0U);
  if (::mount_setattr(mount_fd, "", flags, &attributes, sizeof attributes) != 0) {
    return Error::from_errno(errno, "change mount attributes");
  }
  return {};
}

Result<> map_mount_ids(int mount_fd, int user_namespace, bool recursive) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<uint64_t>(user_namespace);
  unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U);
  if (::mount_setattr(mount_fd, "", flags, &attributes, sizeof attributes) != 0) {
    return Error::from_errno(errno, "map the mount's ids (the filesystem may not support it)");
  }
  return {};
}

Result<> attach_mount(int mount_fd, int target_fd) {
  if (::move_mount(mount_fd, "", target_fd, "",
                   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
    return Error::from_errno(errno, "put the mount in place");
  }
  return {};
}

std::vector<std::string> mount_option_words() {
  std::vector<std::string> words{"bind", "rbind", "idmap", "ridmap"};
  for (const NamedOption& named : kOptions) words.emplace_back(named.name);
  words.insert(words.end(), std::begin(kSuperblockWords), std::end(kSuperblockWords));
  std::sort(words.begin(), words.end());
  return words;
}

MountOption parse_mount_option(std::string_view option) {
  MountOption parsed;
  parsed.bind = option == "bind" || option == "rbind";
  parsed.recursive_bind = option == "rbind";
  parsed.recursively_mapped = option == "ridmap";
  parsed.id_mapped = option == "idmap" || parsed.recursively_mapped;
  parsed.known = parsed.bind || parsed.id_mapped;
  for (const NamedOption& named : kOptions) {
    if (named.name != option) continue;
    parsed.known = true;
    parsed.change = {.set = named.set,
                     .clear = named.clear,
                     .propagation = named.propagation,
                     .recursive = named.recursive};
    return parsed;
  }
  for (std::string_view name : kSuperblockWords) {
    if (name == option) parsed.superblock = name;
  }
  return parsed;
}

void unmount_below(const Path& directory) {
  unmount_where([&](const std::string& target, const std::string&) {
    return target.starts_with(directory.native() + "/");
  });
}

void unmount_kernel_views(const Path& except) {
  unmount_where([&](const std::string& target, const std::string& type) {
    return (type == "proc" || type == "sysfs") && !target.starts_with(except.native() + "/");
  });
}

MountPoint::~MountPoint() {
  if (!where_.empty()) ::umount2(where_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
}

}  // namespace skiff::sys
