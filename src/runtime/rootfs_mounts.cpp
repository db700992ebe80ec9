#include "runtime/rootfs_mounts.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "base/strings.h"
#include "runtime/bind_attributes.h"
#include "runtime/copy_up.h"
#include "sys/mounts.h"

namespace skiff::runtime {

namespace {

constexpr int kMaxLinks = 40;  // as the kernel's

// The options of a mount, sorted by what they act on.
struct Options {
  sys::MountChange top;        // of the mount itself
  sys::MountChange recursive;  // of it and all below
  sys::MountChange propagation;
  std::vector<std::pair<std::string, std::string>> superblock;
  bool copy_up = false;
};

void add_change(sys::MountChange& to, const sys::MountChange& change) {
  to.set = (to.set & ~change.clear) | change.set;
  to.clear = (to.clear & ~change.set) | change.clear;
}

// A word that is neither the kernel's nor the filesystem's.
bool take_own_word(Options& sorted, std::string_view word) {
  if (word == "tmpcopyup") sorted.copy_up = true;
  // The others are for who opens the destination, bind_target(), and the source, rootfs_sources.h.
  return word == "tmpcopyup" || word == "dest-nofollow" || word == "src-nofollow" ||
         word == "copy-symlink";
}

// Where the first option of `text` ends, as the kernel reads a whole string of them: at a comma,
// but not at one in quotes (an SELinux context), nor at one that is escaped in overlay's paths
// (ovl_next_opt()), nor before a digit in tmpfs's, whose mpol has a list of nodes
// (shmem_next_opt()).
size_t end_of_option(std::string_view text, std::string_view filesystem) {
  bool in_quotes = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') in_quotes = !in_quotes;
    if (text[i] == '\\' && filesystem == "overlay") {
      ++i;
    } else if (text[i] == ',' && !in_quotes) {
      const bool before_digit = i + 1 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '9';
      if (!before_digit || filesystem != "tmpfs") return i;
    }
  }
  return text.size();
}

void add_superblock(Options& sorted, std::string_view text, std::string_view filesystem) {
  while (!text.empty()) {
    const std::string_view word = text.substr(0, end_of_option(text, filesystem));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (word.empty()) continue;
    auto pair = split_once(word, '=');
    sorted.superblock.emplace_back(pair ? pair->first : word,
                                   pair ? pair->second : std::string_view());
  }
}

Options sort_options(const OciMount& mount) {
  Options sorted;
  sorted.recursive.recursive = true;
  for (const std::string& text : mount.options) {
    // As of podman, for its mounts of a systemd.
    if (text.empty() || take_own_word(sorted, text)) continue;
    sys::MountOption option = sys::parse_mount_option(text);
    // A bind mount's superblock is another's, and its options always are a change of what it is.
    if ((!option.superblock.empty() || text == "remount") && is_bind(mount)) continue;
    if (option.known) {
      if (option.change.propagation != 0) {
        sorted.propagation = option.change;
      } else {
        add_change(option.change.recursive ? sorted.recursive : sorted.top, option.change);
      }
      continue;
    }
    add_superblock(sorted, text, mount.type);
  }
  return sorted;
}

Result<> refuse_options(const Options& options) {
  if (options.superblock.empty()) return {};
  return Error(Code::kUnimplemented, cat("mount option ", quoted(options.superblock[0].first),
                                         " is not supported for a cgroup mount"));
}

bool has_option(const Options& options, std::string_view name) {
  return std::any_of(options.superblock.begin(), options.superblock.end(),
                     [&](const auto& option) { return option.first == name; });
}

Result<> apply_options(int mount, const Options& options) {
  TRY(sys::change_mount(mount, options.top));
  TRY(sys::change_mount(mount, options.recursive));
  sys::MountChange propagation = options.propagation;
  // What says nothing hears nothing.
  if (propagation.propagation == 0) propagation = {.propagation = MS_PRIVATE, .recursive = true};
  return sys::change_mount(mount, propagation);
}

// An existing file, or an empty one made for the mount.
Result<UniqueFd> file_target(const sys::RootDir& root, const std::string& path, bool no_follow) {
  const int flags = O_PATH | (no_follow ? O_NOFOLLOW : 0);
  Result<UniqueFd> found = root.open_at(path, flags);
  if (found || found.error().code() != Code::kNotFound) return found;
  Path wanted = path;
  for (int links = 0; links < kMaxLinks; ++links) {
    sys::Place place = TRY(root.make_place(wanted));
    UniqueFd made(::openat(place.parent.get(), place.name.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!made && errno != EEXIST) return Error::from_errno(errno, cat("create ", path));
    if (made || no_follow) break;
    // Taken, yet not to be found: a symlink whose target has to be made.
    Result<std::string> target = read_link_at(place.parent.get(), place.name);
    if (!target) break;
    wanted = wanted.parent_path() / *target;
  }
  return root.open_at(path, flags);
}

// proc and sysfs are what the shields, and the container's programs, rely on: an image must
// not send them elsewhere.
Result<UniqueFd> plain_directory_target(const sys::RootDir& root, const OciMount& mount) {
  Result<struct stat> st = root.lstat(mount.destination);
  if (st && !S_ISDIR(st->st_mode)) {
    return Error(Code::kInvalidArgument,
                 cat("filesystem ", quoted(mount.type), " must be mounted on ordinary directory"));
  }
  return directory_target(root, mount.destination);
}

// As runc: /proc is the kernel's word about the container, in which only these are others',
// lxcfs's.
constexpr std::string_view kOthersInProc[] = {"cpuinfo",
                                              "diskstats",
                                              "meminfo",
                                              "stat",
                                              "swaps",
                                              "uptime",
                                              "loadavg",
                                              "slabinfo",
                                              "net/dev",
                                              "sys/kernel/ns_last_pid",
                                              "sys/crypto/fips_enabled"};

bool is_proc(const OciMount& mount, const UniqueFd& bind) {
  struct statfs there{};
  if (!is_bind(mount)) return mount.type == "proc";
  return ::fstatfs(bind.get(), &there) == 0 && there.f_type == PROC_SUPER_MAGIC;
}

Result<> check_destination(const OciMount& mount, const UniqueFd& bind) {
  constexpr std::string_view kProc = "/proc/";
  const std::string clean = (Path("/") / mount.destination / "").lexically_normal().native();
  if (clean == "/") return Error(Code::kInvalidArgument, "the root cannot be mounted upon");
  if (!clean.starts_with(kProc)) return {};
  if (clean == kProc) {
    if (is_proc(mount, bind)) return {};
    return Error(Code::kInvalidArgument,
                 cat(mount.destination, " cannot be mounted because it is not of type proc"));
  }
  const std::string_view inside = std::string_view(clean).substr(kProc.size());
  // The kernel's own place for it, as of containers that interpret foreign programs themselves.
  if (mount.type == "binfmt_misc" && inside == "sys/fs/binfmt_misc/") return {};
  for (const std::string_view file : kOthersInProc) {
    if (inside == cat(file, "/")) return {};
  }
  return Error(Code::kInvalidArgument,
               cat(mount.destination, " cannot be mounted because it is inside /proc"));
}

// copy-symlink: a link of the same text, where the bind mount's source is one; false for others.
Result<bool> copy_link(const sys::RootDir& root, const OciMount& mount, const UniqueFd& source) {
  struct stat st{};
  if (::fstat(source.get(), &st) != 0) return Error::from_errno(errno, "stat the source");
  if (!S_ISLNK(st.st_mode)) return false;
  const std::string text = TRY(read_link_at(source.get(), ""));
  const sys::Place place = TRY(root.make_place(mount.destination));
  if (::symlinkat(text.c_str(), place.parent.get(), place.name.c_str()) == 0) return true;
  if (errno != EEXIST) return Error::from_errno(errno, cat("link ", mount.destination));
  const Result<std::string> there = read_link_at(place.parent.get(), place.name);
  if (there && *there == text) return true;
  return Error(Code::kAlreadyExists, cat(mount.destination, " exists and is not that link"));
}

Result<> make_bind(const MountWork& work, const OciMount& mount, const UniqueFd& source,
                   Options options) {
  if (has_word(mount, "copy-symlink") && TRY(copy_link(work.root, mount, source))) return {};
  // As mount(2): the file system is another's, who has given it the options it has.
  if (!options.superblock.empty()) {
    work.warnings.push_back(cat("bind mount at ", mount.destination, ": option ",
                                quoted(options.superblock[0].first), " changes nothing"));
  }
  options.top = TRY(bind_attributes(mount, source.get(), work.flags_hold));
  TRY(apply_options(source.get(), options));
  UniqueFd target = TRY(bind_target(work.root, mount, source));
  return sys::attach_mount(source.get(), target.get());
}

// The filesystems whose files have labels of their own kind, or the kernel's.
bool takes_label(std::string_view type) {
  return type != "proc" && type != "sysfs" && type != "mqueue";
}

Result<UniqueFd> new_mount(const OciMount& mount, Options options) {
  if (!mount.label.empty() && takes_label(mount.type)) {
    options.superblock.emplace_back("context", mount.label);
  }
  uint64_t attributes = options.top.set | options.recursive.set;
  return sys::new_filesystem({.type = mount.type,
                              .source = mount.source.empty() ? mount.type : mount.source,
                              .options = options.superblock,
                              .attributes = attributes});
}

// A tmpfs over a directory of the image has its mode, unless it is told another.
void inherit_mode(int target, Options& options) {
  struct stat st{};
  if (has_option(options, "mode") || ::fstat(target, &st) != 0) return;
  std::string mode;
  for (int shift = 9; shift >= 0; shift -= 3) {
    mode += static_cast<char>('0' + ((st.st_mode >> static_cast<unsigned>(shift)) & 7U));
  }
  options.superblock.emplace_back("mode", mode);
}

Result<> make_tmpfs(const MountWork& work, const OciMount& mount, Options options) {
  Result<UniqueFd> existing = work.root.open_at(mount.destination, O_PATH | O_DIRECTORY);
  if (existing) inherit_mode(existing->get(), options);
  UniqueFd target =
      existing ? std::move(*existing) : TRY(directory_target(work.root, mount.destination));
  bool readonly = (options.top.set & MOUNT_ATTR_RDONLY) != 0;
  options.top.set &= ~uint64_t{MOUNT_ATTR_RDONLY};
  UniqueFd made = TRY(new_mount(mount, options));
  if (options.copy_up) TRY_CONTEXT(copy_up(target.get(), made.get()), "tmpcopyup");
  TRY(sys::change_mount(made.get(), options.propagation));
  TRY(sys::attach_mount(made.get(), target.get()));
  // Devices and mount points are still to be made in it.
  if (readonly) work.late_readonly.push_back(std::move(made));
  return {};
}

// The host's names of co-mounted controllers, as links: cpu -> cpu,cpuacct.
Result<> link_controllers(int directory, const CgroupView& view) {
  if (view.controllers.size() < 2) return {};
  for (const std::string& controller : view.controllers) {
    if (controller == view.name) continue;
    if (::symlinkat(view.name.c_str(), directory, controller.c_str()) != 0 && errno != EEXIST) {
      return Error::from_errno(errno, cat("link ", controller));
    }
  }
  return {};
}

Result<> attach_view(int directory, CgroupView& view, uint64_t attributes) {
  TRY(sys::change_mount(view.mount.get(), {.set = attributes, .propagation = MS_PRIVATE}));
  if (::mkdirat(directory, view.name.c_str(), 0755) != 0 && errno != EEXIST) {
    return Error::from_errno(errno, cat("mkdir ", view.name));
  }
  UniqueFd target(
      ::openat(directory, view.name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!target) return Error::from_errno(errno, cat("open ", view.name));
  return sys::attach_mount(view.mount.get(), target.get());
}

// Version 1 and hybrid: a tmpfs with the container's own cgroup of each hierarchy.
Result<> make_cgroup_tree(int target, std::vector<CgroupView>& cgroups, uint64_t attributes) {
  UniqueFd tree =
      TRY(sys::new_filesystem({.type = "tmpfs",
                               .source = "cgroup",
                               .options = {{"mode", "755"}},
                               .attributes = attributes & ~uint64_t{MOUNT_ATTR_RDONLY}}));
  TRY(sys::attach_mount(tree.get(), target));
  for (CgroupView& view : cgroups) {
    TRY_CONTEXT(attach_view(tree.get(), view, attributes), cat("cgroup ", view.name));
    TRY(link_controllers(tree.get(), view));
  }
  return sys::change_mount(tree.get(), {.set = attributes & MOUNT_ATTR_RDONLY});
}

Result<> make_cgroup(const MountWork& work, const OciMount& mount, const Options& options) {
  TRY(refuse_options(options));
  UniqueFd target = TRY(directory_target(work.root, mount.destination));
  std::vector<CgroupView>& cgroups = work.cgroups;
  uint64_t attributes = options.top.set | options.recursive.set;
  bool single = cgroups.size() == 1 && cgroups[0].name.empty();
  if (!single) return make_cgroup_tree(target.get(), cgroups, attributes);
  TRY(sys::change_mount(cgroups[0].mount.get(), {.set = attributes, .propagation = MS_PRIVATE}));
  return sys::attach_mount(cgroups[0].mount.get(), target.get());
}

Result<> make_other(const sys::RootDir& root, const OciMount& mount, const Options& options) {
  bool kernel_view = mount.type == "proc" || mount.type == "sysfs";
  UniqueFd target = kernel_view ? TRY(plain_directory_target(root, mount))
                                : TRY(directory_target(root, mount.destination));
  UniqueFd made = TRY(new_mount(mount, options));
  TRY(sys::change_mount(made.get(), options.propagation));
  return sys::attach_mount(made.get(), target.get());
}

}  // namespace

Result<UniqueFd> directory_target(const sys::RootDir& root, const std::string& path) {
  Result<UniqueFd> found = root.open_at(path, O_PATH | O_DIRECTORY);
  if (found || found.error().code() != Code::kNotFound) return found;
  return root.make_directories(path, 0755, sys::NewGroup::kParents);
}

Result<UniqueFd> bind_target(const sys::RootDir& root, const OciMount& mount,
                             const UniqueFd& source) {
  struct stat st{};
  if (::fstat(source.get(), &st) != 0) return Error::from_errno(errno, "stat the source");
  if (S_ISDIR(st.st_mode)) return directory_target(root, mount.destination);
  return file_target(root, mount.destination, has_word(mount, "dest-nofollow"));
}

Result<> make_mount(const MountWork& work, const OciMount& mount, const UniqueFd& bind) {
  TRY(check_destination(mount, bind));
  Options options = sort_options(mount);
  if (options.copy_up && mount.type != "tmpfs") {
    return Error(Code::kInvalidArgument, "mount option \"tmpcopyup\" is for tmpfs alone");
  }
  if (is_bind(mount)) return make_bind(work, mount, bind, std::move(options));
  if (is_cgroup(mount)) return make_cgroup(work, mount, options);
  if (mount.type.empty()) return Error(Code::kInvalidArgument, "the mount has no type");
  if (mount.type == "tmpfs") return make_tmpfs(work, mount, std::move(options));
  return make_other(work.root, mount, options);
}

}  // namespace skiff::runtime
