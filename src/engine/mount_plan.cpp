#include "engine/mount_plan.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/strings.h"
#include "engine/names.h"

namespace skiff::engine {

namespace {

Error invalid_spec(std::string_view text, std::string_view why) {
  return Error(Code::kInvalidArgument, cat("invalid volume specification: '", text, "'", why));
}

bool is_propagation(std::string_view word) {
  constexpr std::array kWords = {"private", "rprivate", "shared", "rshared", "slave", "rslave"};
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

bool is_ignored_mode(std::string_view word) {
  constexpr std::array kWords = {"rw", "z", "Z", "cached", "delegated", "consistent"};
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

std::string clean_path(const std::string& path) {
  std::string clean = Path(path).lexically_normal().string();
  while (clean.size() > 1 && clean.ends_with('/')) clean.pop_back();
  return clean;
}

Result<> check_target(const std::string& target, std::string_view spec) {
  if (!target.starts_with('/')) {
    return invalid_spec(spec,
                        cat(": invalid mount path: '", target, "' mount path must be absolute"));
  }
  if (clean_path(target) == "/") {
    return invalid_spec(spec, ": invalid specification: destination can't be '/'");
  }
  return {};
}

// Applies the words after the second colon.
Result<> apply_mode(PlannedMount& mount, const std::string& mode, const std::string& spec) {
  int labels = 0;
  for (const std::string& word : split(mode, ',')) {
    if (word == "z" || word == "Z") ++labels;
    if (word == "ro") {
      mount.point.read_write = false;
    } else if (word == "nocopy" && mount.point.type == MountType::kVolume) {
      mount.copy_up = false;
    } else if (is_propagation(word) && mount.point.type == MountType::kBind) {
      mount.point.propagation = word;
    } else if (!is_ignored_mode(word)) {
      return invalid_spec(spec, cat(": invalid mode: ", mode));
    }
  }
  if (labels > 1) return invalid_spec(spec, cat(": invalid mode: ", mode));
  mount.point.mode = mode;
  return {};
}

PlannedMount volume_mount(const std::string& name, const std::string& target) {
  PlannedMount mount;
  mount.point.type = MountType::kVolume;
  mount.point.name = name;
  mount.point.destination = clean_path(target);
  mount.point.driver = "local";
  mount.copy_up = true;
  mount.volume.name = name;
  return mount;
}

PlannedMount bind_mount(const std::string& source, const std::string& target) {
  PlannedMount mount;
  mount.point.type = MountType::kBind;
  mount.point.source = clean_path(source);
  mount.point.destination = clean_path(target);
  mount.point.propagation = "rprivate";
  return mount;
}

Error invalid_mount(const MountRequest& request, std::string_view why) {
  return Error(Code::kInvalidArgument,
               cat("invalid mount config for type \"", mount_type_name(request.type), "\": ", why));
}

Result<PlannedMount> plan_bind(const MountRequest& request) {
  if (!request.source.starts_with('/')) {
    return invalid_mount(
        request, cat("invalid mount path: '", request.source, "' mount path must be absolute"));
  }
  struct stat st{};
  if (::stat(request.source.c_str(), &st) != 0 && !request.create_mountpoint) {
    return invalid_mount(request, cat("bind source path does not exist: ", request.source));
  }
  if (!request.propagation.empty() && !is_propagation(request.propagation)) {
    return invalid_mount(request, cat("invalid propagation mode: ", request.propagation));
  }
  PlannedMount mount = bind_mount(request.source, request.target);
  mount.make_source = request.create_mountpoint;
  if (!request.propagation.empty()) mount.point.propagation = request.propagation;
  return mount;
}

Result<PlannedMount> plan_volume(const MountRequest& request) {
  if (!request.source.empty()) TRY(check_volume_name(request.source));
  PlannedMount mount = volume_mount(request.source, request.target);
  mount.copy_up = !request.no_copy;
  mount.point.mode = "z";
  mount.volume.labels = request.volume_labels;
  mount.volume.options = request.driver_options;
  return mount;
}

Result<PlannedMount> plan_request(const MountRequest& request) {
  if (request.target.empty()) return invalid_mount(request, "field Target must not be empty");
  if (!request.target.starts_with('/')) {
    return invalid_mount(
        request, cat("invalid mount path: '", request.target, "' mount path must be absolute"));
  }
  if (clean_path(request.target) == "/") {
    return invalid_mount(request, "invalid specification: destination can't be '/'");
  }
  PlannedMount mount;
  switch (request.type) {
    case MountType::kBind:
      mount = TRY(plan_bind(request));
      break;
    case MountType::kVolume:
      mount = TRY(plan_volume(request));
      break;
    case MountType::kTmpfs:
      if (!request.source.empty())
        return invalid_mount(request, "field Source must not be specified");
      mount.point.type = MountType::kTmpfs;
      mount.point.destination = clean_path(request.target);
      break;
  }
  mount.point.read_write = !request.read_only;
  mount.point.from_mounts = true;
  return mount;
}

// "container[:ro|rw]"
Result<std::vector<PlannedMount>> plan_volumes_from(const std::string& spec,
                                                    const MountsOf& mounts_of) {
  auto parts = split_last(spec, ':');
  std::string mode(parts ? parts->second : "rw");
  if (mode != "ro" && mode != "rw" && mode != "z") {
    return Error(Code::kInvalidArgument, cat("invalid mode for volumes-from: ", mode));
  }
  std::vector<MountPoint> theirs = TRY(mounts_of(std::string(parts ? parts->first : spec)));
  std::vector<PlannedMount> out;
  for (MountPoint& point : theirs) {
    if (point.type == MountType::kTmpfs) continue;
    PlannedMount mount;
    mount.point = std::move(point);
    mount.point.from_mounts = false;
    if (mode == "ro") mount.point.read_write = false;
    mount.volume.name = mount.point.name;
    out.push_back(std::move(mount));
  }
  return out;
}

}  // namespace

Result<PlannedMount> parse_bind(const std::string& text) {
  std::vector<std::string> parts = split(text, ':');
  bool empty_part =
      std::any_of(parts.begin(), parts.end(), [](const auto& p) { return p.empty(); });
  if (parts.empty() || parts.size() > 3 || empty_part) return invalid_spec(text, ": invalid spec");
  if (parts.size() == 1) {
    TRY(check_target(parts[0], text));
    return volume_mount("", parts[0]);
  }
  TRY(check_target(parts[1], text));
  PlannedMount mount;
  if (parts[0].starts_with('/')) {
    mount = bind_mount(parts[0], parts[1]);
    mount.make_source = true;
  } else {
    TRY(check_volume_name(parts[0]));
    mount = volume_mount(parts[0], parts[1]);
    mount.point.mode = "z";
  }
  if (parts.size() == 3) TRY(apply_mode(mount, parts[2], text));
  return mount;
}

Result<std::vector<PlannedMount>> plan_mounts(const ContainerConfig& config, const HostConfig& host,
                                              const MountsOf& mounts_of) {
  std::map<std::string, PlannedMount> by_target;
  for (const std::string& spec : host.volumes_from) {
    std::vector<PlannedMount> theirs = TRY(plan_volumes_from(spec, mounts_of));
    for (PlannedMount& mount : theirs) {
      std::string target = mount.point.destination;
      by_target.insert_or_assign(target, std::move(mount));
    }
  }
  std::set<std::string> asked;  // by the user: twice is an error
  auto add = [&](PlannedMount mount) -> Result<> {
    std::string target = mount.point.destination;
    if (!asked.insert(target).second) {
      return Error(Code::kInvalidArgument, cat("Duplicate mount point: ", target));
    }
    by_target.insert_or_assign(target, std::move(mount));
    return {};
  };
  for (const auto& [target, options] : host.tmpfs) {
    TRY(check_target(target, target));
    asked.insert(clean_path(target));
  }
  for (const std::string& spec : host.binds) {
    PlannedMount mount = TRY(parse_bind(spec));
    TRY(add(std::move(mount)));
  }
  for (const MountRequest& request : host.mounts) {
    PlannedMount mount = TRY(plan_request(request));
    TRY(add(std::move(mount)));
  }
  for (const std::string& volume : config.run.volumes) {
    TRY(check_target(volume, volume));
    std::string target = clean_path(volume);
    if (!by_target.contains(target) && !asked.contains(target)) {
      by_target.emplace(target, volume_mount("", target));
    }
  }
  // Sorted by target: a mount below another one comes after it.
  std::vector<PlannedMount> out;
  out.reserve(by_target.size());
  for (auto& [target, mount] : by_target) out.push_back(std::move(mount));
  return out;
}

}  // namespace skiff::engine
