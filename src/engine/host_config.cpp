#include <algorithm>
#include <array>

#include "base/strings.h"
#include "engine/container_config.h"

namespace skiff::engine {

namespace {

constexpr int64_t kDefaultShmBytes = 64 << 20;

// Fields that would change what the container may do or see, and that Skiff does not serve.
constexpr std::array kUnserved = {"DeviceRequests",      "Links",
                                  "BlkioWeight",         "BlkioWeightDevice",
                                  "BlkioDeviceReadBps",  "BlkioDeviceWriteBps",
                                  "BlkioDeviceReadIOps", "BlkioDeviceWriteIOps",
                                  "CpuRealtimePeriod",   "CpuRealtimeRuntime",
                                  "StorageOpt",          "Cgroup"};

bool is_empty(const json::Value& v) {
  if (v.is_null()) return true;
  if (v.is_bool()) return !v.as_bool();
  if (v.is_int()) return v.as_int() == 0;
  if (v.is_string()) return v.as_string().empty();
  if (v.is_array()) return v.as_array().empty();
  return v.is_object() && v.as_object().empty();
}

Result<> refuse_unserved(const json::Value& v) {
  for (const char* key : kUnserved) {
    const json::Value* member = v.find(key);
    if (member != nullptr && !is_empty(*member)) {
      return Error(Code::kUnimplemented, cat("HostConfig.", key, " is not supported"));
    }
  }
  const std::string isolation = v.string("Isolation");
  if (!isolation.empty() && to_lower(isolation) != "default") {
    return Error(Code::kInvalidArgument,
                 cat("invalid isolation (", isolation, "): linux only supports 'default'"));
  }
  const json::Value* swappiness = v.find("MemorySwappiness");
  if (swappiness != nullptr && swappiness->is_int() && swappiness->as_int() != -1) {
    return Error(Code::kUnimplemented, "HostConfig.MemorySwappiness is not supported");
  }
  return {};
}

Result<std::map<std::string, std::vector<HostPort>>> read_port_bindings(const json::Value& v) {
  std::map<std::string, std::vector<HostPort>> out;
  for (const auto& [port, bindings] : v.object("PortBindings")) {
    auto [number, protocol] = TRY(parse_port(port));
    auto& list = out[cat(number, "/", protocol)];
    for (const json::Value& binding : bindings.as_array()) {
      HostPort host{binding.string("HostIp"), binding.string("HostPort")};
      auto host_number = parse_uint(host.port);
      if (!host.port.empty() && (!host_number || *host_number > 65535)) {
        return Error(Code::kInvalidArgument,
                     cat("invalid port specification: ", skiff::quoted(host.port)));
      }
      list.push_back(std::move(host));
    }
    if (list.empty()) list.emplace_back();
  }
  return out;
}

Resources read_resources(const json::Value& v) {
  Resources out;
  out.memory = v.integer("Memory");
  out.memory_swap = v.integer("MemorySwap");
  out.memory_reservation = v.integer("MemoryReservation");
  out.nano_cpus = v.integer("NanoCpus");
  out.cpu_shares = v.integer("CpuShares");
  out.cpu_period = v.integer("CpuPeriod");
  out.cpu_quota = v.integer("CpuQuota");
  out.cpuset_cpus = v.string("CpusetCpus");
  out.cpuset_mems = v.string("CpusetMems");
  out.oom_kill_disable = v.boolean("OomKillDisable");
  // As dockerd: what is below 1 is no limit.
  const json::Value* pids = v.find("PidsLimit");
  if (pids != nullptr && pids->is_int()) out.pids_limit = std::max<int64_t>(pids->as_int(), 0);
  return out;
}

std::vector<Ulimit> read_ulimits(const json::Value& v) {
  std::vector<Ulimit> out;
  for (const json::Value& one : v.array("Ulimits")) {
    out.push_back({one.string("Name"), one.integer("Soft"), one.integer("Hard")});
  }
  return out;
}

std::vector<DeviceMapping> read_devices(const json::Value& v) {
  std::vector<DeviceMapping> out;
  for (const json::Value& one : v.array("Devices")) {
    DeviceMapping device{one.string("PathOnHost"), one.string("PathInContainer"),
                         one.string("CgroupPermissions")};
    if (device.path_in_container.empty()) device.path_in_container = device.path_on_host;
    if (device.permissions.empty()) device.permissions = "rwm";
    out.push_back(std::move(device));
  }
  return out;
}

json::Value devices_json(const std::vector<DeviceMapping>& devices) {
  json::Array out;
  for (const DeviceMapping& device : devices) {
    out.push_back(json::object({{"PathOnHost", device.path_on_host},
                                {"PathInContainer", device.path_in_container},
                                {"CgroupPermissions", device.permissions}}));
  }
  return json::Value(std::move(out));
}

std::string non_empty(const std::string& text, std::string_view fallback) {
  return text.empty() ? std::string(fallback) : text;
}

// An empty list says something that no list does not.
std::optional<std::vector<std::string>> list_if_given(const json::Value& v, const char* key) {
  const json::Value* list = v.find(key);
  if (list == nullptr || list->is_null()) return std::nullopt;
  return v.strings(key);
}

json::Value or_null(const std::vector<std::string>& list) {
  return list.empty() ? json::Value() : json::Value(list);
}

json::Value port_bindings_json(const std::map<std::string, std::vector<HostPort>>& bindings) {
  json::Value out = json::object();
  for (const auto& [port, hosts] : bindings) {
    json::Array list;
    for (const HostPort& host : hosts) {
      list.push_back(json::object({{"HostIp", host.ip}, {"HostPort", host.port}}));
    }
    out.set(port, std::move(list));
  }
  return out;
}

void add_resources(json::Value& out, const Resources& r, const std::vector<Ulimit>& ulimits) {
  out.set("NanoCpus", r.nano_cpus);
  for (const char* key : {"BlkioWeightDevice", "BlkioDeviceReadBps", "BlkioDeviceWriteBps",
                          "BlkioDeviceReadIOps", "BlkioDeviceWriteIOps"}) {
    out.set(key, json::array());
  }
  out.set("CpuPeriod", r.cpu_period);
  out.set("CpuQuota", r.cpu_quota);
  out.set("CpuRealtimePeriod", 0);
  out.set("CpuRealtimeRuntime", 0);
  out.set("CpusetCpus", r.cpuset_cpus);
  out.set("CpusetMems", r.cpuset_mems);
  out.set("DeviceRequests", nullptr);
  out.set("MemoryReservation", r.memory_reservation);
  out.set("MemorySwap", r.memory_swap);
  out.set("MemorySwappiness", nullptr);
  out.set("OomKillDisable", r.oom_kill_disable);
  out.set("PidsLimit", r.pids_limit ? json::Value(*r.pids_limit) : json::Value());
  json::Array limits;
  for (const Ulimit& u : ulimits) {
    limits.push_back(json::object({{"Name", u.name}, {"Hard", u.hard}, {"Soft", u.soft}}));
  }
  out.set("Ulimits", std::move(limits));
  for (const char* key : {"CpuCount", "CpuPercent", "IOMaximumIOps", "IOMaximumBandwidth"}) {
    out.set(key, 0);
  }
}

json::Value restart_policy_json(const RestartPolicy& policy) {
  return json::object({{"Name", policy.name}, {"MaximumRetryCount", policy.maximum_retry_count}});
}

RestartPolicy read_restart_policy(const json::Value& v) {
  return {non_empty(v.string("Name"), "no"), static_cast<int>(v.integer("MaximumRetryCount"))};
}

}  // namespace

std::string_view mount_type_name(MountType type) {
  switch (type) {
    case MountType::kBind:
      return "bind";
    case MountType::kVolume:
      return "volume";
    case MountType::kTmpfs:
      return "tmpfs";
  }
  return "";
}

Result<MountRequest> MountRequest::from_json(const json::Value& v) {
  MountRequest out;
  std::string type = v.string("Type");
  if (type == "bind") {
    out.type = MountType::kBind;
  } else if (type == "volume") {
    out.type = MountType::kVolume;
  } else if (type == "tmpfs") {
    out.type = MountType::kTmpfs;
  } else {
    return Error(type == "image" ? Code::kUnimplemented : Code::kInvalidArgument,
                 cat("mount type unknown: ", skiff::quoted(type)));
  }
  out.source = v.string("Source");
  out.target = v.string("Target");
  out.read_only = v.boolean("ReadOnly");
  if (const json::Value* bind = v.find("BindOptions")) {
    out.propagation = bind->string("Propagation");
    out.create_mountpoint = bind->boolean("CreateMountpoint");
  }
  if (const json::Value* volume = v.find("VolumeOptions")) {
    out.no_copy = volume->boolean("NoCopy");
    out.volume_labels = volume->string_map("Labels");
    if (!volume->string("Subpath").empty()) {
      return Error(Code::kUnimplemented, "VolumeOptions.Subpath is not supported");
    }
    if (const json::Value* driver = volume->find("DriverConfig")) {
      out.driver_options = driver->string_map("Options");
    }
  }
  if (const json::Value* tmpfs = v.find("TmpfsOptions")) {
    out.tmpfs_size = tmpfs->integer("SizeBytes");
    out.tmpfs_mode = static_cast<uint32_t>(tmpfs->integer("Mode"));
  }
  return out;
}

json::Value MountRequest::to_json() const {
  json::Value out = json::object({{"Type", mount_type_name(type)}});
  if (!source.empty()) out.set("Source", source);
  out.set("Target", target);
  if (read_only) out.set("ReadOnly", true);
  if (type == MountType::kBind && (!propagation.empty() || create_mountpoint)) {
    json::Value bind = json::object();
    if (!propagation.empty()) bind.set("Propagation", propagation);
    if (create_mountpoint) bind.set("CreateMountpoint", true);
    out.set("BindOptions", std::move(bind));
  }
  if (type == MountType::kVolume &&
      (no_copy || !volume_labels.empty() || !driver_options.empty())) {
    json::Value volume = json::object();
    if (no_copy) volume.set("NoCopy", true);
    if (!volume_labels.empty()) volume.set("Labels", volume_labels);
    if (!driver_options.empty()) {
      volume.set("DriverConfig", json::object({{"Options", driver_options}}));
    }
    out.set("VolumeOptions", std::move(volume));
  }
  if (type == MountType::kTmpfs && (tmpfs_size != 0 || tmpfs_mode != 0)) {
    json::Value tmpfs = json::object();
    if (tmpfs_size != 0) tmpfs.set("SizeBytes", tmpfs_size);
    if (tmpfs_mode != 0) tmpfs.set("Mode", tmpfs_mode);
    out.set("TmpfsOptions", std::move(tmpfs));
  }
  return out;
}

Result<HostConfig> HostConfig::from_json(const json::Value& v) {
  TRY(refuse_unserved(v));
  HostConfig out;
  out.binds = v.strings("Binds");
  for (const json::Value& mount : v.array("Mounts")) {
    out.mounts.push_back(TRY(MountRequest::from_json(mount)));
  }
  out.tmpfs = v.string_map("Tmpfs");
  out.volumes_from = v.strings("VolumesFrom");
  out.volume_driver = v.string("VolumeDriver");
  out.container_id_file = v.string("ContainerIDFile");
  if (const json::Value* log = v.find("LogConfig")) {
    out.log_driver = log->string("Type");
    out.log_options = log->string_map("Config");
  }
  std::string network = v.string("NetworkMode");
  out.network_mode = network.empty() || network == "default" ? "bridge" : network;
  out.port_bindings = TRY(read_port_bindings(v));
  out.publish_all_ports = v.boolean("PublishAllPorts");
  if (const json::Value* restart = v.find("RestartPolicy")) {
    out.restart_policy = read_restart_policy(*restart);
  }
  out.auto_remove = v.boolean("AutoRemove");
  const json::Array& console = v.array("ConsoleSize");
  if (console.size() == 2) {
    out.console_height = static_cast<int>(console[0].as_int());
    out.console_width = static_cast<int>(console[1].as_int());
  }
  out.cap_add = v.strings("CapAdd");
  out.cap_drop = v.strings("CapDrop");
  out.dns = v.strings("Dns");
  out.dns_options = v.strings("DnsOptions");
  out.dns_search = v.strings("DnsSearch");
  out.extra_hosts = v.strings("ExtraHosts");
  out.group_add = v.strings("GroupAdd");
  out.cgroupns_mode = v.string("CgroupnsMode");
  out.ipc_mode = non_empty(v.string("IpcMode"), "private");
  out.pid_mode = v.string("PidMode");
  out.uts_mode = v.string("UTSMode");
  out.userns_mode = v.string("UsernsMode");
  out.cgroup_parent = v.string("CgroupParent");
  out.runtime = v.string("Runtime");
  out.oom_score_adj = static_cast<int>(v.integer("OomScoreAdj"));
  out.privileged = v.boolean("Privileged");
  out.readonly_rootfs = v.boolean("ReadonlyRootfs");
  out.security_opt = v.strings("SecurityOpt");
  out.masked_paths = list_if_given(v, "MaskedPaths");
  out.readonly_paths = list_if_given(v, "ReadonlyPaths");
  out.sysctls = v.string_map("Sysctls");
  out.annotations = v.string_map("Annotations");
  int64_t shm = v.integer("ShmSize");
  if (shm < 0) return Error(Code::kInvalidArgument, "SHM size can not be less than 0");
  out.shm_size = shm == 0 ? kDefaultShmBytes : shm;
  const json::Value* init = v.find("Init");
  if (init != nullptr && init->is_bool()) out.init = init->as_bool();
  out.ulimits = read_ulimits(v);
  out.devices = read_devices(v);
  out.device_cgroup_rules = v.strings("DeviceCgroupRules");
  out.resources = read_resources(v);
  return out;
}

json::Value HostConfig::to_json() const {
  json::Value out =
      json::object({{"Binds", or_null(binds)},
                    {"ContainerIDFile", container_id_file},
                    {"LogConfig", json::object({{"Type", log_driver}, {"Config", log_options}})},
                    {"NetworkMode", network_mode},
                    {"PortBindings", port_bindings_json(port_bindings)},
                    {"RestartPolicy", restart_policy_json(restart_policy)},
                    {"AutoRemove", auto_remove},
                    {"VolumeDriver", volume_driver},
                    {"VolumesFrom", or_null(volumes_from)},
                    {"ConsoleSize", json::array({console_height, console_width})}});
  if (!annotations.empty()) out.set("Annotations", annotations);
  out.set("CapAdd", or_null(cap_add));
  out.set("CapDrop", or_null(cap_drop));
  out.set("CgroupnsMode", cgroupns_mode);
  out.set("Dns", dns);
  out.set("DnsOptions", dns_options);
  out.set("DnsSearch", dns_search);
  out.set("ExtraHosts", or_null(extra_hosts));
  out.set("GroupAdd", or_null(group_add));
  out.set("IpcMode", ipc_mode);
  out.set("Cgroup", "");
  out.set("Links", nullptr);
  out.set("OomScoreAdj", oom_score_adj);
  out.set("PidMode", pid_mode);
  out.set("Privileged", privileged);
  out.set("PublishAllPorts", publish_all_ports);
  out.set("ReadonlyRootfs", readonly_rootfs);
  out.set("SecurityOpt", or_null(security_opt));
  if (masked_paths) out.set("MaskedPaths", *masked_paths);
  if (readonly_paths) out.set("ReadonlyPaths", *readonly_paths);
  if (!tmpfs.empty()) out.set("Tmpfs", tmpfs);
  out.set("UTSMode", uts_mode);
  out.set("UsernsMode", userns_mode);
  out.set("ShmSize", shm_size);
  if (!sysctls.empty()) out.set("Sysctls", sysctls);
  out.set("Runtime", runtime);
  out.set("Isolation", "");
  out.set("CpuShares", resources.cpu_shares);
  out.set("Memory", resources.memory);
  out.set("CgroupParent", cgroup_parent);
  out.set("BlkioWeight", 0);
  add_resources(out, resources, ulimits);
  out.set("Devices", devices_json(devices));
  out.set("DeviceCgroupRules", or_null(device_cgroup_rules));
  if (!mounts.empty()) {
    json::Array list;
    for (const MountRequest& mount : mounts) list.push_back(mount.to_json());
    out.set("Mounts", std::move(list));
  }
  if (init) out.set("Init", *init);
  return out;
}

Result<UpdateRequest> UpdateRequest::from_json(const json::Value& v) {
  TRY(refuse_unserved(v));
  for (const char* key : {"Devices", "DeviceCgroupRules"}) {
    const json::Value* member = v.find(key);
    if (member == nullptr || is_empty(*member)) continue;
    return Error(Code::kUnimplemented, cat(key, " of a container cannot be changed"));
  }
  UpdateRequest out;
  out.resources = v;
  const json::Value* restart = v.find("RestartPolicy");
  if (restart != nullptr && !restart->string("Name").empty()) {
    out.restart_policy = read_restart_policy(*restart);
  }
  return out;
}

}  // namespace skiff::engine
