#include "runtime/container_spec.h"

#include <sys/resource.h>
#include <sys/vfs.h>

#include <algorithm>

#include "base/strings.h"
#include "runtime/annotations.h"
#include "runtime/default_shields.h"
#include "runtime/host_devices.h"
#include "runtime/seccomp_profile.h"
#include "runtime/spec_namespaces.h"
#include "runtime/spec_privileges.h"
#include "runtime/spec_version.h"
#include "sys/capabilities.h"
#include "sys/namespaces.h"

namespace skiff::runtime {

namespace {

constexpr int64_t kCpuPeriodUs = 100'000;

json::Value strings(std::initializer_list<const char*> texts) {
  json::Array items;
  for (const char* text : texts) items.emplace_back(text);
  return items;
}

Result<json::Value> make_process(const ContainerSpec& spec, const ResolvedUser& user,
                                 sys::CapabilityMask capabilities) {
  json::Array gids;
  for (uint32_t gid : user.additional_gids) gids.emplace_back(int64_t{gid});
  json::Value process =
      json::object({{"terminal", spec.terminal},
                    {"user", json::object({{"uid", int64_t{user.uid}},
                                           {"gid", int64_t{user.gid}},
                                           {"additionalGids", std::move(gids)}})},
                    {"args", spec.args},
                    {"env", spec.env},
                    {"cwd", spec.working_dir.empty() ? std::string("/") : spec.working_dir},
                    {"capabilities", capability_sets(capabilities, user.uid)},
                    {"noNewPrivileges", spec.no_new_privileges},
                    {"oomScoreAdj", spec.oom_score_adj},
                    {"rlimits", TRY(make_rlimits(spec))}});
  if (spec.terminal && spec.console_height > 0 && spec.console_width > 0) {
    process.set("consoleSize",
                json::object({{"height", spec.console_height}, {"width", spec.console_width}}));
  }
  if (!spec.apparmor_profile.empty()) process.set("apparmorProfile", spec.apparmor_profile);
  if (!spec.selinux.process.empty()) process.set("selinuxLabel", spec.selinux.process);
  return process;
}

json::Value make_mount(const std::string& target, const char* type, const std::string& source,
                       json::Value options) {
  return json::object({{"destination", target},
                       {"type", type},
                       {"source", source},
                       {"options", std::move(options)}});
}

json::Value make_bind(const std::string& target, const std::string& source) {
  return make_mount(target, "bind", source, strings({"rbind", "rprivate"}));
}

bool host_has_mqueue() {
  struct statfs info{};
  constexpr decltype(info.f_type) kMqueue =
      0x19800202;  // MQUEUE_MAGIC of the kernel's ipc/mqueue.c
  return ::statfs("/dev/mqueue", &info) == 0 && info.f_type == kMqueue;
}

// The host's queues that the host itself has mounted nowhere are not for a user namespace to mount.
std::optional<json::Value> make_mqueue(const ContainerSpec& spec) {
  if (spec.ipc_namespace == "host") {
    if (host_has_mqueue()) return make_bind("/dev/mqueue", "/dev/mqueue");
    const bool is_mapped = spec.id_maps || !spec.user_namespace.empty();
    if (is_mapped || sys::in_user_namespace()) return std::nullopt;
  }
  return make_mount("/dev/mqueue", "mqueue", "mqueue", strings({"nosuid", "noexec", "nodev"}));
}

json::Value make_shm(const ContainerSpec& spec) {
  if (!spec.shm.empty()) return make_bind("/dev/shm", spec.shm);
  json::Value options = strings({"nosuid", "noexec", "nodev", "mode=1777"});
  options.make_array().emplace_back(cat("size=", spec.shm_bytes));
  return make_mount("/dev/shm", "tmpfs", "shm", std::move(options));
}

// Of processes that are not its own a user namespace may mount no other view.
json::Value make_proc(const ContainerSpec& spec) {
  if (spec.pid_namespace != "host" || !sys::in_user_namespace()) {
    return make_mount("/proc", "proc", "proc", strings({"nosuid", "noexec", "nodev"}));
  }
  return make_mount("/proc", "bind", "/proc",
                    strings({"rbind", "nosuid", "noexec", "nodev", "rprivate"}));
}

json::Array default_mounts(const ContainerSpec& spec) {
  const char* access = spec.privileged ? "rw" : "ro";
  json::Array mounts;
  mounts.push_back(make_proc(spec));
  if (!spec.emulation.empty()) {
    mounts.push_back(make_mount(kBinfmtDirectory, "binfmt_misc", "binfmt_misc",
                                strings({"nosuid", "noexec", "nodev"})));
  }
  mounts.push_back(make_mount("/dev", "tmpfs", "tmpfs",
                              strings({"nosuid", "strictatime", "mode=755", "size=65536k"})));
  mounts.push_back(make_mount(
      "/dev/pts", "devpts", "devpts",
      strings({"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"})));
  mounts.push_back(
      make_mount("/sys", "sysfs", "sysfs", strings({"nosuid", "noexec", "nodev", access})));
  mounts.push_back(make_mount("/sys/fs/cgroup", "cgroup", "cgroup",
                              strings({access, "nosuid", "noexec", "nodev"})));
  if (auto queues = make_mqueue(spec)) mounts.push_back(std::move(*queues));
  if (spec.shm != kNoShm) mounts.push_back(make_shm(spec));
  return mounts;
}

json::Value bind_mount(const BindMount& wanted) {
  json::Value options = strings({"rbind"});
  if (wanted.read_only) {
    // Mounts below it too, unless they are to come and go with the host's.
    options.make_array().emplace_back(wanted.propagation == "rprivate" ? "rro" : "ro");
  }
  if (wanted.map_ids) options.make_array().emplace_back("idmap");
  options.make_array().emplace_back(wanted.propagation);
  return make_mount(wanted.target, "bind", wanted.source, std::move(options));
}

json::Value tmpfs_mount(const TmpfsMount& wanted) {
  json::Value options = strings({"noexec", "nosuid", "nodev", "rprivate"});
  for (const std::string& option : split(wanted.options, ',')) {
    if (!option.empty()) options.make_array().emplace_back(option);
  }
  return make_mount(wanted.target, "tmpfs", "tmpfs", std::move(options));
}

std::string clean_target(const std::string& target) {
  std::string clean = (Path("/") / target).lexically_normal().native();
  while (clean.size() > 1 && clean.back() == '/') clean.pop_back();
  return clean;
}

// The user's mounts, shallow ones first, in place of defaults at the same target.
json::Array make_mounts(const ContainerSpec& spec) {
  std::vector<std::pair<std::string, json::Value>> own;
  for (const TmpfsMount& mount : spec.tmpfs) {
    own.emplace_back(clean_target(mount.target), tmpfs_mount(mount));
  }
  for (const BindMount& mount : spec.binds) {
    own.emplace_back(clean_target(mount.target), bind_mount(mount));
  }
  std::stable_sort(own.begin(), own.end(), [](const auto& a, const auto& b) {
    return std::count(a.first.begin(), a.first.end(), '/') <
           std::count(b.first.begin(), b.first.end(), '/');
  });
  json::Array mounts = default_mounts(spec);
  std::erase_if(mounts, [&](const json::Value& mount) {
    return std::any_of(own.begin(), own.end(),
                       [&](const auto& mine) { return mine.first == mount.string("destination"); });
  });
  for (auto& [target, mount] : own) mounts.push_back(std::move(mount));
  return mounts;
}

json::Value default_rule(bool allow, const char* type, int64_t major, int64_t minor) {
  return json::object(
      {{"allow", allow}, {"type", type}, {"major", major}, {"minor", minor}, {"access", "rwm"}});
}

json::Array default_rules(const ContainerSpec& spec) {
  if (spec.privileged) return {json::object({{"allow", true}, {"access", "rwm"}})};
  return {json::object({{"allow", false}, {"access", "rwm"}}),
          default_rule(true, "c", 1, 5),       // zero
          default_rule(true, "c", 1, 3),       // null
          default_rule(true, "c", 1, 9),       // urandom
          default_rule(true, "c", 1, 8),       // random
          default_rule(true, "c", 5, 0),       // tty
          default_rule(true, "c", 5, 1),       // console
          default_rule(false, "c", 10, 229)};  // fuse
}

// What is asked for comes after the defaults: the last rule of a device counts.
Result<> add_devices(const ContainerSpec& spec, json::Value& lx, json::Value& resources) {
  json::Array devices = spec.privileged ? host_devices() : json::Array();
  json::Array rules = default_rules(spec);
  for (const DeviceGrant& grant : spec.devices) {
    for (json::Value& device : TRY(granted_devices(grant))) {
      rules.push_back(device_rule(device, grant.access));
      devices.push_back(std::move(device));
    }
  }
  for (const std::string& rule : spec.device_rules) rules.push_back(TRY(parse_device_rule(rule)));
  resources.set("devices", std::move(rules));
  if (!devices.empty()) lx.set("devices", std::move(devices));
  return {};
}

json::Value make_memory(const Limits& limits) {
  json::Value memory = json::object();
  if (limits.memory_bytes > 0) {
    memory.set("limit", limits.memory_bytes);
    int64_t swap = limits.memory_swap_bytes;
    memory.set("swap", swap == 0 ? 2 * limits.memory_bytes : swap);
  }
  if (limits.memory_reservation_bytes > 0) {
    memory.set("reservation", limits.memory_reservation_bytes);
  }
  if (limits.oom_kill_disable) memory.set("disableOOMKiller", true);
  return memory;
}

json::Value make_cpu(const Limits& limits) {
  json::Value cpu = json::object();
  if (limits.cpu_shares > 0) cpu.set("shares", limits.cpu_shares);
  if (limits.nano_cpus > 0) {
    cpu.set("period", kCpuPeriodUs);
    cpu.set("quota", limits.nano_cpus * kCpuPeriodUs / 1'000'000'000);
  }
  if (limits.cpu_period_us > 0) cpu.set("period", limits.cpu_period_us);
  if (limits.cpu_quota_us != 0) cpu.set("quota", limits.cpu_quota_us);
  if (!limits.cpuset_cpus.empty()) cpu.set("cpus", limits.cpuset_cpus);
  if (!limits.cpuset_mems.empty()) cpu.set("mems", limits.cpuset_mems);
  return cpu;
}

// A mount that is to come or go with the host's needs a root that does.
std::string root_propagation(const ContainerSpec& spec) {
  std::string wanted;
  for (const BindMount& mount : spec.binds) {
    if (mount.propagation.ends_with("shared")) return "shared";
    if (mount.propagation.ends_with("slave")) wanted = "rslave";
  }
  return wanted;
}

// Docker's callers may leave the slash out: to runc such a path is one of the root's.
json::Value in_root(std::vector<std::string> paths) {
  std::erase(paths, "");
  for (std::string& path : paths) {
    if (!path.starts_with('/')) path.insert(0, 1, '/');
  }
  return paths;
}

Result<json::Value> make_linux(const ContainerSpec& spec, sys::CapabilityMask capabilities) {
  json::Value lx = json::object();
  lx.set("sysctl", TRY(make_sysctls(spec)));
  json::Value resources = TRY(make_oci_resources(spec.limits));
  TRY(add_devices(spec, lx, resources));
  lx.set("resources", std::move(resources));
  if (!spec.cgroup_path.empty()) lx.set("cgroupsPath", spec.cgroup_path);
  add_namespaces(spec, lx);
  if (std::string propagation = root_propagation(spec); !propagation.empty()) {
    lx.set("rootfsPropagation", propagation);
  }
  if (!spec.selinux.mount.empty()) lx.set("mountLabel", spec.selinux.mount);
  if (spec.privileged) return lx;
  if (spec.seccomp != "unconfined") {
    lx.set("seccomp", TRY(make_oci_seccomp(spec.seccomp, capabilities)));
  }
  lx.set("maskedPaths",
         spec.masked_paths ? in_root(*spec.masked_paths) : json::Value(default_masked_paths()));
  lx.set("readonlyPaths", spec.readonly_paths ? in_root(*spec.readonly_paths)
                                              : json::Value(default_readonly_paths()));
  return lx;
}

}  // namespace

Result<json::Value> make_oci_resources(const Limits& limits) {
  if (limits.nano_cpus < 0 || limits.memory_bytes < 0) {
    return Error(Code::kInvalidArgument, "resource limits must not be negative");
  }
  json::Value resources = json::object();
  json::Value memory = make_memory(limits);
  json::Value cpu = make_cpu(limits);
  if (!memory.as_object().empty()) resources.set("memory", std::move(memory));
  if (!cpu.as_object().empty()) resources.set("cpu", std::move(cpu));
  if (limits.pids != 0) resources.set("pids", json::object({{"limit", limits.pids}}));
  return resources;
}

Result<json::Value> make_oci_config(const ContainerSpec& spec) {
  if (spec.args.empty()) return Error(Code::kInvalidArgument, "no command specified");
  ResolvedUser user;
  if (!spec.user_with_root) {
    user = TRY(resolve_user(spec.rootfs, spec.user, spec.additional_groups));
  }
  sys::CapabilityMask capabilities = TRY(wanted_capabilities(spec));
  std::map<std::string, std::string> annotations = spec.annotations;
  if (spec.init) annotations.emplace(kInitAnnotation, "true");
  if (!spec.emulation.empty()) annotations.emplace(kEmulationAnnotation, spec.emulation);
  json::Value config = json::object(
      {{"ociVersion", kSpecVersion},
       {"process", TRY(make_process(spec, user, capabilities))},
       {"root", json::object({{"path", spec.rootfs.native()}, {"readonly", spec.read_only}})}});
  if (spec.uts_namespace.empty() || spec.uts_namespace == "private") {
    if (!spec.hostname.empty()) config.set("hostname", spec.hostname);
    if (!spec.domainname.empty()) config.set("domainname", spec.domainname);
  }
  config.set("mounts", make_mounts(spec));
  if (!annotations.empty()) config.set("annotations", annotations);
  config.set("linux", TRY(make_linux(spec, capabilities)));
  return config;
}

}  // namespace skiff::runtime
