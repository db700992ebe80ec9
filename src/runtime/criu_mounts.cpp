#include "runtime/criu_mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "codec/json.h"
#include "runtime/rootfs_mounts.h"
#include "sys/mounts.h"

namespace skiff::runtime {

namespace {

constexpr std::string_view kFile = "externals.json";

std::string clean(const std::string& path) {
  return (Path("/") / path).lexically_normal().native();
}

// Counted from the root of the mount namespace that `root` belongs to.
std::string resolved(const sys::RootDir& root, const std::string& path) {
  Result<UniqueFd> open = root.open_at(path, O_PATH);
  Result<std::string> place = open ? read_link_at(AT_FDCWD, sys::fd_path(open->get())) : path;
  return clean(place.value_or(path));
}

// By the calls that ask for them, in the config's order: `add(place, source)`.
template <typename Add>
void each_mount(const ExternalMounts& externals, const OciConfig& config, const sys::Cgroup& cgroup,
                const Path& bundle, const Add& add) {
  for (const OciMount& mount : config.mounts) {
    auto known = externals.places.find(mount.destination);
    const std::string place =
        known == externals.places.end() ? clean(mount.destination) : known->second;
    if (is_bind(mount)) add(place, (bundle / mount.source).native());
    if (!is_cgroup(mount)) continue;
    for (const sys::Cgroup::Member& member : cgroup.members()) {
      std::string below = cgroup.v2() ? "" : cat("/", member.mount.filename().native());
      add(place + below, member.directory.native());
    }
  }
  for (const std::string& path : externals.masked) add(path, "/dev/null");
}

bool is_on_tmpfs(const OciConfig& config, const OciMount& wanted) {
  return std::any_of(config.mounts.begin(), config.mounts.end(), [&](const OciMount& mount) {
    return mount.type == "tmpfs" && wanted.destination.starts_with(mount.destination + "/");
  });
}

Result<> make_mount_point(const OciMount& mount, BindSource& bind, const sys::RootDir& root) {
  if (!is_bind(mount)) {
    TRY(directory_target(root, mount.destination));
    return {};
  }
  if (!bind.in_root.empty()) {
    UniqueFd source = TRY(root.open_at(bind.in_root, source_flags(mount)));
    bind.mount = TRY(clone_bind(mount, source));
  }
  UniqueFd target = TRY(bind_target(root, mount, bind.mount));
  return sys::attach_mount(bind.mount.get(), target.get());
}

Result<> write_text(const Path& path, const std::string& text) {
  UniqueFd file = TRY(open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  if (::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) return {};
  return Error::from_errno(errno, cat("write ", path.native()));
}

}  // namespace

ExternalMounts ExternalMounts::of(const OciConfig& config, const sys::RootDir& root) {
  ExternalMounts externals;
  for (const OciMount& mount : config.mounts) {
    externals.places[mount.destination] = resolved(root, mount.destination);
  }
  for (const std::string& path : config.masked_paths) {
    Result<struct stat> st = root.stat(path);
    if (st && !S_ISDIR(st->st_mode)) externals.masked.push_back(resolved(root, path));
  }
  return externals;
}

Result<ExternalMounts> ExternalMounts::read(const Path& images) {
  const Path path = images / kFile;
  json::Value kept = TRY_CONTEXT(json::parse(TRY(read_file(path))), path.native());
  ExternalMounts externals;
  externals.masked = kept.strings("masked");
  if (const json::Value* places = kept.find("places"); places != nullptr && places->is_object()) {
    for (const auto& [destination, place] : places->as_object()) {
      if (place.is_string()) externals.places[destination] = place.as_string();
    }
  }
  return externals;
}

Result<> ExternalMounts::write(const Path& images) const {
  json::Value all = json::object();
  json::Value by_destination = json::object();
  for (const auto& [destination, place] : places) by_destination.set(destination, place);
  all.set("places", std::move(by_destination));
  all.set("masked", json::Array(masked.begin(), masked.end()));
  return write_text(images / kFile, all.dump());
}

CriuOptions ExternalMounts::for_dump(const OciConfig& config, const sys::Cgroup& cgroup) const {
  CriuOptions options;
  each_mount(*this, config, cgroup, {}, [&](const std::string& place, const std::string&) {
    options.set(CriuOption::kExternal, cat("mnt[", place, "]:", place));
  });
  return options;
}

CriuOptions ExternalMounts::for_restore(const OciConfig& config, const sys::Cgroup& cgroup,
                                        const Path& bundle) const {
  CriuOptions options;
  each_mount(*this, config, cgroup, bundle, [&](const std::string& place, const std::string& from) {
    options.set(CriuOption::kExternal, cat("mnt[", place, "]:", from));
  });
  return options;
}

Result<> make_mount_points(const OciConfig& config, RootfsSources& sources,
                           const sys::RootDir& root) {
  std::vector<int> made;
  Result<> done;
  for (size_t i = 0; done && i < config.mounts.size(); ++i) {
    const OciMount& mount = config.mounts[i];
    BindSource& bind = sources.binds.at(i);
    // A tmpfs comes back with all that is in it, the cgroups' place with sysfs.
    if (is_cgroup(mount) || is_on_tmpfs(config, mount)) continue;
    done = make_mount_point(mount, bind, root).context(describe(mount));
    if (done && is_bind(mount)) made.push_back(bind.mount.get());
  }
  for (auto mount = made.rbegin(); mount != made.rend(); ++mount) {
    ::umount2(sys::fd_path(*mount).c_str(), MNT_DETACH);
  }
  return done;
}

}  // namespace skiff::runtime
