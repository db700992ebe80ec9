#include "runtime/config_types.h"

#include "base/strings.h"
#include "codec/json_text.h"
#include "codec/json_types.h"

namespace skiff::runtime {

namespace {

using json::Field;
using json::Type;

constexpr Field kFields[] = {
    {"root", Type::kObject},
    {"root.readonly", Type::kBool},
    {"hostname", Type::kString},
    {"domainname", Type::kString},
    {"annotations", Type::kObject},
    {"annotations.*", Type::kString},
    {"mounts", Type::kObjects},
    {"mounts[].type", Type::kString},
    {"mounts[].source", Type::kString},
    {"mounts[].options", Type::kStrings},
    {"mounts[].uidMappings", Type::kObjects},
    {"mounts[].gidMappings", Type::kObjects},
    {"hooks", Type::kObject},
    {"hooks.*", Type::kObjects},
    {"hooks.*[].args", Type::kStrings},
    {"hooks.*[].env", Type::kStrings},
    {"hooks.*[].timeout", Type::kInt},
    {"process", Type::kObject},
    {"process.terminal", Type::kBool},
    {"process.consoleSize", Type::kObject},
    {"process.consoleSize.*", Type::kInt},
    {"process.user", Type::kObject},
    {"process.user.uid", Type::kInt},
    {"process.user.gid", Type::kInt},
    {"process.user.umask", Type::kInt},
    {"process.user.additionalGids", Type::kInts},
    {"process.args", Type::kStrings},
    {"process.env", Type::kStrings},
    {"process.cwd", Type::kString},
    {"process.capabilities", Type::kObject},
    {"process.capabilities.*", Type::kStrings},
    {"process.rlimits", Type::kObjects},
    {"process.rlimits[].type", Type::kString},
    {"process.rlimits[].soft", Type::kNumber},
    {"process.rlimits[].hard", Type::kNumber},
    {"process.apparmorProfile", Type::kString},
    {"process.selinuxLabel", Type::kString},
    {"process.noNewPrivileges", Type::kBool},
    {"process.oomScoreAdj", Type::kInt},
    {"process.scheduler", Type::kObject},
    {"process.ioPriority", Type::kObject},
    {"process.execCPUAffinity", Type::kObject},
    {"linux", Type::kObject},
    {"linux.namespaces", Type::kObjects},
    {"linux.namespaces[].type", Type::kString},
    {"linux.namespaces[].path", Type::kString},
    {"linux.uidMappings", Type::kObjects},
    {"linux.uidMappings[].*", Type::kInt},
    {"linux.gidMappings", Type::kObjects},
    {"linux.gidMappings[].*", Type::kInt},
    {"linux.devices", Type::kObjects},
    {"linux.devices[].type", Type::kString},
    {"linux.devices[].fileMode", Type::kInt},
    {"linux.devices[].major", Type::kInt},
    {"linux.devices[].minor", Type::kInt},
    {"linux.devices[].uid", Type::kInt},
    {"linux.devices[].gid", Type::kInt},
    {"linux.netDevices", Type::kObject},
    {"linux.netDevices.*", Type::kObject},
    {"linux.netDevices.*.name", Type::kString},
    {"linux.timeOffsets", Type::kObject},
    {"linux.timeOffsets.*", Type::kObject},
    {"linux.timeOffsets.*.*", Type::kInt},
    {"linux.cgroupsPath", Type::kString},
    {"linux.sysctl", Type::kObject},
    {"linux.sysctl.*", Type::kString},
    {"linux.maskedPaths", Type::kStrings},
    {"linux.readonlyPaths", Type::kStrings},
    {"linux.rootfsPropagation", Type::kString},
    {"linux.mountLabel", Type::kString},
    {"linux.personality", Type::kObject},
    {"linux.personality.domain", Type::kString},
    {"linux.memoryPolicy", Type::kObject},
    {"linux.intelRdt", Type::kObject},
    {"linux.intelRdt.closID", Type::kString},
    {"linux.intelRdt.schemata", Type::kStrings},
    {"linux.intelRdt.l3CacheSchema", Type::kString},
    {"linux.intelRdt.memBwSchema", Type::kString},
    {"linux.intelRdt.enableMonitoring", Type::kBool},
    {"linux.intelRdt.enableCMT", Type::kBool},
    {"linux.intelRdt.enableMBM", Type::kBool},
    {"linux.seccomp", Type::kObject},
    {"linux.seccomp.architectures", Type::kStrings},
    {"linux.seccomp.flags", Type::kStrings},
    {"linux.seccomp.defaultErrnoRet", Type::kInt},
    {"linux.seccomp.listenerPath", Type::kString},
    {"linux.seccomp.listenerMetadata", Type::kString},
    {"linux.seccomp.syscalls", Type::kObjects},
    {"linux.seccomp.syscalls[].names", Type::kStrings},
    {"linux.seccomp.syscalls[].action", Type::kString},
    {"linux.seccomp.syscalls[].errnoRet", Type::kInt},
    {"linux.seccomp.syscalls[].args", Type::kObjects},
    {"linux.seccomp.syscalls[].args[].index", Type::kInt},
    {"linux.seccomp.syscalls[].args[].value", Type::kNumber},
    {"linux.seccomp.syscalls[].args[].valueTwo", Type::kNumber},
    {"linux.seccomp.syscalls[].args[].op", Type::kString},
    {"linux.resources", Type::kObject},
    {"linux.resources.devices", Type::kObjects},
    {"linux.resources.devices[].allow", Type::kBool},
    {"linux.resources.devices[].type", Type::kString},
    {"linux.resources.devices[].major", Type::kInt},
    {"linux.resources.devices[].minor", Type::kInt},
    {"linux.resources.devices[].access", Type::kString},
    {"linux.resources.memory", Type::kObject},
    {"linux.resources.memory.limit", Type::kInt},
    {"linux.resources.memory.reservation", Type::kInt},
    {"linux.resources.memory.swap", Type::kInt},
    {"linux.resources.memory.kernelTCP", Type::kInt},
    {"linux.resources.memory.swappiness", Type::kInt},
    {"linux.resources.memory.disableOOMKiller", Type::kBool},
    {"linux.resources.memory.checkBeforeUpdate", Type::kBool},
    {"linux.resources.cpu", Type::kObject},
    {"linux.resources.cpu.shares", Type::kInt},
    {"linux.resources.cpu.quota", Type::kInt},
    {"linux.resources.cpu.burst", Type::kInt},
    {"linux.resources.cpu.period", Type::kInt},
    {"linux.resources.cpu.realtimeRuntime", Type::kInt},
    {"linux.resources.cpu.realtimePeriod", Type::kInt},
    {"linux.resources.cpu.idle", Type::kInt},
    {"linux.resources.cpu.cpus", Type::kString},
    {"linux.resources.cpu.mems", Type::kString},
    {"linux.resources.pids", Type::kObject},
    {"linux.resources.pids.limit", Type::kInt},
    {"linux.resources.blockIO", Type::kObject},
    {"linux.resources.blockIO.weight", Type::kInt},
    {"linux.resources.blockIO.leafWeight", Type::kInt},
    {"linux.resources.blockIO.weightDevice", Type::kObjects},
    {"linux.resources.blockIO.weightDevice[].*", Type::kInt},
    {"linux.resources.blockIO.throttleReadBpsDevice", Type::kObjects},
    {"linux.resources.blockIO.throttleReadBpsDevice[].*", Type::kInt},
    {"linux.resources.blockIO.throttleWriteBpsDevice", Type::kObjects},
    {"linux.resources.blockIO.throttleWriteBpsDevice[].*", Type::kInt},
    {"linux.resources.blockIO.throttleReadIOPSDevice", Type::kObjects},
    {"linux.resources.blockIO.throttleReadIOPSDevice[].*", Type::kInt},
    {"linux.resources.blockIO.throttleWriteIOPSDevice", Type::kObjects},
    {"linux.resources.blockIO.throttleWriteIOPSDevice[].*", Type::kInt},
    {"linux.resources.hugepageLimits", Type::kObjects},
    {"linux.resources.hugepageLimits[].pageSize", Type::kString},
    {"linux.resources.hugepageLimits[].limit", Type::kInt},
    {"linux.resources.network", Type::kObject},
    {"linux.resources.network.classID", Type::kInt},
    {"linux.resources.network.priorities", Type::kObjects},
    {"linux.resources.network.priorities[].name", Type::kString},
    {"linux.resources.network.priorities[].priority", Type::kInt},
    {"linux.resources.rdma", Type::kObject},
    {"linux.resources.rdma.*", Type::kObject},
    {"linux.resources.rdma.*.*", Type::kInt},
    {"linux.resources.unified", Type::kObject},
    {"linux.resources.unified.*", Type::kString},
};

// All that is the kernel's in the end. Annotations are not: they go where they came from.
constexpr std::string_view kKernels[] = {"root",  "process",  "mounts",    "hooks",
                                         "linux", "hostname", "domainname"};

constexpr std::string_view kResources = "linux.resources";

// The field of the object at `part` that is `key` but for its case; `key` where there is none.
std::string_view spelling(std::string_view part, std::string_view key) {
  const std::string wanted = to_lower(cat(part, ".", key));
  for (const Field& field : kFields) {
    if (field.path.size() == wanted.size() && to_lower(field.path) == wanted) {
      return field.path.substr(part.size() + 1);
    }
  }
  return key;
}

json::Value spelled(const json::Value& given, std::string_view part) {
  if (given.is_array()) {
    json::Array items;
    for (const json::Value& item : given.as_array()) {
      items.push_back(spelled(item, cat(part, "[]")));
    }
    return items;
  }
  if (!given.is_object()) return given;
  json::Value out = json::object();
  for (const auto& [key, value] : given.as_object()) {
    const std::string_view name = spelling(part, key);
    out.set(name, spelled(value, cat(part, ".", name)));
  }
  return out;
}

}  // namespace

Result<json::Value> read_resources(const json::Value& resources) {
  json::Value out = spelled(resources, kResources);
  TRY(check_types(out, kResources));
  return out;
}

Result<> check_types(const json::Value& config, std::string_view part) {
  for (const Field& field : kFields) {
    if (!field.path.starts_with(part)) continue;
    TRY(json::check_type(config, {field.path.substr(part.size()), field.type}, std::string(part)));
  }
  if (!part.empty()) return json::refuse_nul(config, std::string(part));
  for (const std::string_view name : kKernels) {
    const json::Value* value = config.find(name);
    if (value != nullptr) TRY(json::refuse_nul(*value, std::string(name)));
  }
  return {};
}

}  // namespace skiff::runtime
