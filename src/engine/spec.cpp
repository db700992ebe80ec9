#include "engine/spec.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>

#include "base/strings.h"
#include "engine/bind_source.h"
#include "engine/ipc_mode.h"
#include "engine/security_options.h"
#include "runtime/default_apparmor.h"
#include "runtime/emulation.h"
#include "sys/binfmt.h"
#include "sys/namespaces.h"

namespace skiff::engine {

namespace {

constexpr std::string_view kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bool sets(const std::vector<std::string>& env, std::string_view name) {
  return std::any_of(env.begin(), env.end(), [&](const std::string& entry) {
    return entry.starts_with(name) && entry.size() > name.size() && entry[name.size()] == '=';
  });
}

bool is_own(const std::string& mode) {
  return mode.empty() || mode == "private" || mode == "shareable" || mode == "none";
}

// "", "host", or the path of another container's namespace ("container:ID").
Result<std::string> namespace_path(Core& core, const std::string& mode, const char* kind) {
  if (is_own(mode)) return std::string();
  if (mode == "host") return mode;
  if (!mode.starts_with("container:")) {
    return Error(Code::kInvalidArgument, cat("invalid ", kind, " mode: ", mode));
  }
  auto other = TRY(core.table.find(mode.substr(sizeof("container:") - 1)));
  State state = other->state();
  if (!state.running() || state.pid == 0) {
    return Error(Code::kFailedPrecondition,
                 cat("cannot join ", kind == std::string_view("net") ? "network" : kind,
                     " of a non running container: ", other->id));
  }
  return cat("/proc/", state.pid, "/ns/", kind);
}

Result<> add_namespaces(Core& core, const Container& container, const ContainerInfo& info,
                        runtime::ContainerSpec& spec) {
  const HostConfig& host = info.host_config;
  if (host.network_mode == "host" || host.network_mode.starts_with("container:")) {
    spec.network_namespace = TRY(namespace_path(core, host.network_mode, "net"));
  }
  spec.pid_namespace = TRY(namespace_path(core, host.pid_mode, "pid"));
  spec.shm = TRY(choose_shm(core, container));
  spec.ipc_namespace = TRY(namespace_path(core, host.ipc_mode, "ipc"));
  spec.uts_namespace = TRY(namespace_path(core, host.uts_mode, "uts"));
  spec.cgroup_namespace = host.cgroupns_mode;
  spec.id_maps = info.id_maps;
  if (const std::string owner = userns_owner(host, info.id_maps); !owner.empty()) {
    spec.user_namespace = TRY(namespace_path(core, cat("container:", owner), "user"));
  }
  return {};
}

Result<> add_security(const Core& core, const ContainerInfo& info, runtime::ContainerSpec& spec) {
  const HostConfig& host = info.host_config;
  SecurityOptions options = TRY(read_security_options(host.security_opt));
  spec.no_new_privileges = options.no_new_privileges;
  spec.seccomp = std::move(options.seccomp);
  spec.apparmor_profile =
      runtime::ready_apparmor_profile_for(options.apparmor_profile, host.privileged);
  // One with all privileges is confined by no label that it asks for.
  if (core.labels.is_on()) spec.selinux = info.labels;
  if (host.privileged) spec.selinux.process.clear();
  spec.masked_paths = host.masked_paths;
  spec.readonly_paths = host.readonly_paths;
  return {};
}

// The image's programs may be another processor's.
Result<> add_emulation(const Core& core, const Container& container, runtime::ContainerSpec& spec) {
  const auto platform = oci::Platform::parse(container.record().image_platform);
  if (!platform) return {};
  const std::string registration =
      TRY(sys::find_emulation(platform->architecture, core.options.emulation));
  return runtime::emulate(spec, registration);
}

// One of our own files hears of the host's mounts as well as it can.
Result<> ready_bind(const Core& core, const ContainerInfo& info, const MountPoint& mount) {
  if (!mount.from_mounts) TRY(make_bind_source(mount.source, info.id_maps));
  const std::string root = cat(core.options.root.native(), "/");
  const std::string source = cat(mount.source == "/" ? "" : mount.source, "/");
  const bool is_ours = source.starts_with(root) || root.starts_with(source);
  if (is_ours && mount.propagation.ends_with("slave")) return {};
  return check_propagation(mount.source, mount.propagation);
}

// Where we may make no nodes the host's are mounted, with the rights that they have there.
Result<> add_devices(const ContainerInfo& info, runtime::ContainerSpec& spec) {
  for (const DeviceMapping& device : info.host_config.devices) {
    const runtime::DeviceGrant grant{device.path_on_host, device.path_in_container,
                                     device.permissions};
    if (!sys::in_user_namespace()) {
      spec.devices.push_back(grant);
      continue;
    }
    TRY(runtime::granted_devices(grant));  // that it is one
    spec.binds.push_back({.source = device.path_on_host, .target = device.path_in_container});
  }
  spec.device_rules = info.host_config.device_cgroup_rules;
  return {};
}

std::string tmpfs_options(const HostConfig& host, const std::string& target, bool read_write) {
  std::string options = read_write ? "rw" : "ro";
  for (const MountRequest& request : host.mounts) {
    if (request.type != MountType::kTmpfs || request.target != target) continue;
    if (request.tmpfs_size > 0) options += cat(",size=", request.tmpfs_size);
    if (request.tmpfs_mode != 0) {
      char mode[24];
      std::snprintf(mode, sizeof mode, ",mode=%o", request.tmpfs_mode);
      options += mode;
    }
  }
  return options;
}

Result<> add_mounts(Core& core, const Container& container, const ContainerInfo& info,
                    runtime::ContainerSpec& spec) {
  auto taken = [&](std::string_view target) {
    return std::any_of(info.mounts.begin(), info.mounts.end(),
                       [&](const MountPoint& mount) { return mount.destination == target; });
  };
  const std::pair<const char*, Path> files[] = {{"/etc/resolv.conf", container.paths.resolv_conf()},
                                                {"/etc/hostname", container.paths.hostname()},
                                                {"/etc/hosts", container.paths.hosts()}};
  const bool is_mapped = info.id_maps.has_value();
  for (const auto& [target, source] : files) {
    if (taken(target)) continue;
    spec.binds.push_back({.source = source.string(), .target = target, .map_ids = is_mapped});
  }
  for (const MountPoint& mount : info.mounts) {
    if (mount.type == MountType::kTmpfs) {
      spec.tmpfs.push_back({mount.destination,
                            tmpfs_options(info.host_config, mount.destination, mount.read_write)});
      continue;
    }
    if (mount.type == MountType::kBind) TRY(ready_bind(core, info, mount));
    spec.binds.push_back({.source = mount.source,
                          .target = mount.destination,
                          .read_only = !mount.read_write,
                          .propagation = mount.propagation.empty() ? "rprivate" : mount.propagation,
                          .map_ids = is_mapped && mount.type == MountType::kVolume &&
                                     core.volumes.maps_ids(mount.name)});
  }
  for (const auto& [target, options] : info.host_config.tmpfs) {
    spec.tmpfs.push_back({target, options});
  }
  return {};
}

}  // namespace

runtime::Limits limits_of(const Resources& r) {
  runtime::Limits limits;
  limits.memory_bytes = r.memory;
  limits.memory_swap_bytes = r.memory_swap;
  limits.memory_reservation_bytes = r.memory_reservation;
  limits.nano_cpus = r.nano_cpus;
  limits.cpu_shares = r.cpu_shares;
  limits.cpu_quota_us = r.cpu_quota;
  limits.cpu_period_us = r.cpu_period;
  limits.cpuset_cpus = r.cpuset_cpus;
  limits.cpuset_mems = r.cpuset_mems;
  // 0: a limit that was taken away.
  if (r.pids_limit) limits.pids = *r.pids_limit > 0 ? *r.pids_limit : -1;
  limits.oom_kill_disable = r.oom_kill_disable;
  return limits;
}

std::vector<std::string> process_environment(const ContainerInfo& info,
                                             const std::vector<std::string>& env,
                                             const std::string& home, bool terminal) {
  std::vector<std::string> out;
  if (!sets(env, "PATH")) out.emplace_back(kDefaultPath);
  if (!sets(env, "HOSTNAME")) out.push_back(cat("HOSTNAME=", info.config.hostname));
  if (terminal && !sets(env, "TERM")) out.emplace_back("TERM=xterm");
  out.insert(out.end(), env.begin(), env.end());
  if (!home.empty() && !sets(env, "HOME")) out.push_back(cat("HOME=", home));
  return out;
}

Result<runtime::ContainerSpec> make_spec(Core& core, const Container& container) {
  ContainerInfo info = container.info();
  const ContainerConfig& config = info.config;
  const HostConfig& host = info.host_config;
  runtime::ContainerSpec spec;
  spec.rootfs = container.paths.rootfs();
  spec.args.push_back(info.path);
  spec.args.insert(spec.args.end(), info.args.begin(), info.args.end());
  spec.user_with_root = true;
  spec.env = process_environment(info, config.run.env, "", config.tty);
  spec.working_dir = config.run.working_dir.empty() ? "/" : config.run.working_dir;
  spec.hostname = config.hostname;
  spec.domainname = config.domainname;
  spec.terminal = config.tty;
  spec.console_height = host.console_height;
  spec.console_width = host.console_width;
  spec.read_only = host.readonly_rootfs;
  spec.privileged = host.privileged;
  spec.init = host.init.value_or(false);
  spec.cap_add = host.cap_add;
  spec.cap_drop = host.cap_drop;
  spec.shm_bytes = host.shm_size;
  for (const Ulimit& u : host.ulimits) spec.ulimits.push_back({u.name, u.soft, u.hard});
  spec.sysctls = host.sysctls;
  spec.limits = limits_of(host.resources);
  spec.cgroup_path = core.cgroup_of(info);
  spec.oom_score_adj = host.oom_score_adj;
  spec.annotations = host.annotations;
  TRY(add_security(core, info, spec));
  TRY(add_namespaces(core, container, info, spec));
  TRY(add_emulation(core, container, spec));
  TRY(add_devices(info, spec));
  TRY(add_mounts(core, container, info, spec));
  return spec;
}

}  // namespace skiff::engine
