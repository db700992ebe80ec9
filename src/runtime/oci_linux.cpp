// The "linux" object of config.json (config-linux.md).
#include <net/if.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <set>

#include "base/strings.h"
#include "runtime/config_types.h"
#include "runtime/oci_config.h"
#include "runtime/oci_parts.h"
#include "runtime/sysctls.h"
#include "sys/user_namespace.h"

namespace skiff::runtime {

namespace {

constexpr int64_t kMaxNanoseconds = 999'999'999;

Result<> parse_namespaces(const json::Value& lx, OciConfig& out) {
  for (const json::Value& entry : lx.array("namespaces")) {
    std::string type = entry.string("type");
    const sys::NamespaceKind* kind = sys::find_namespace(type);
    if (kind == nullptr) return invalid(cat("linux.namespaces: unknown type ", quoted(type)));
    if (out.find_namespace(kind->flag) != nullptr) {
      return invalid(cat("linux.namespaces: ", type, " is there twice"));
    }
    out.namespaces.push_back({kind, entry.string("path")});
  }
  // The root of a user namespace may not mount in a mount namespace of somebody else's.
  if (out.has_new_namespace(CLONE_NEWUSER) && out.find_namespace(CLONE_NEWNS) == nullptr) {
    return invalid("linux.namespaces: a user namespace needs a mount namespace beside it");
  }
  return {};
}

Result<mode_t> device_type(const std::string& type) {
  if (type == "c" || type == "u") return mode_t{S_IFCHR};
  if (type == "b") return mode_t{S_IFBLK};
  if (type == "p") return mode_t{S_IFIFO};
  return invalid(cat("linux.devices: unknown type ", quoted(type)));
}

// Of the size that the kernel gives it.
Result<dev_t> device_number(const json::Value& entry) {
  if (entry.string("type") == "p") return dev_t{0};
  const int major = TRY(int_of(entry, "major", 0, (1 << 12) - 1));
  const int minor = TRY(int_of(entry, "minor", 0, (1 << 20) - 1));
  return makedev(static_cast<unsigned>(major), static_cast<unsigned>(minor));
}

Result<> parse_devices(const json::Value& lx, OciConfig& out) {
  for (const json::Value& entry : lx.array("devices")) {
    OciDevice device;
    device.path = TRY_CONTEXT(entry.require_string("path"), "linux.devices");
    mode_t mode = gives(entry, "fileMode") ? static_cast<mode_t>(entry.integer("fileMode")) : 0666;
    device.mode = TRY(device_type(entry.string("type"))) | (mode & 07777U);
    device.number = TRY_CONTEXT(device_number(entry), cat("linux.devices: ", device.path));
    device.uid = TRY_CONTEXT(uint32_of(entry, "uid"), "linux.devices");
    device.gid = TRY_CONTEXT(uint32_of(entry, "gid"), "linux.devices");
    out.devices.push_back(std::move(device));
  }
  return {};
}

Result<std::optional<unsigned long>> parse_personality(const json::Value& lx) {
  const json::Value* object = lx.find("personality");
  if (object == nullptr || object->is_null()) return std::optional<unsigned long>();
  if (!object->array("flags").empty()) {
    return invalid("linux.personality.flags: the specification names no flag");
  }
  std::string domain = object->string("domain");
  if (domain == "LINUX") return std::optional<unsigned long>(PER_LINUX);
  if (domain == "LINUX32") return std::optional<unsigned long>(PER_LINUX32);
  return invalid(cat("linux.personality.domain: unknown value ", quoted(domain)));
}

Result<> parse_time_offsets(const json::Value& lx, OciConfig& out) {
  for (const auto& [clock, offset] : lx.object("timeOffsets")) {
    if (clock != "monotonic" && clock != "boottime") {
      return invalid(cat("linux.timeOffsets: unknown clock ", quoted(clock)));
    }
    int64_t nanosecs = offset.integer("nanosecs");
    if (nanosecs < 0 || nanosecs > kMaxNanoseconds) {
      return invalid(cat("linux.timeOffsets.", clock, ": nanosecs ", nanosecs, " is out of range"));
    }
    out.time_offsets.push_back({clock, offset.integer("secs"), static_cast<uint32_t>(nanosecs)});
  }
  if (!out.time_offsets.empty() && !out.has_new_namespace(CLONE_NEWTIME)) {
    return invalid("linux.timeOffsets: the container has no new time namespace");
  }
  return {};
}

Result<> check_interface_name(const std::string& name) {
  bool bad = name.empty() || name.size() >= IFNAMSIZ || name == "." || name == ".." ||
             name.find_first_of("/:% \t\n\v\f\r") != std::string::npos;
  return bad ? invalid(cat("linux.netDevices: invalid name ", quoted(name))) : Result<>{};
}

Result<> parse_net_devices(const json::Value& lx, OciConfig& out) {
  std::set<std::string> names;
  for (const auto& [host_name, entry] : lx.object("netDevices")) {
    std::string name = entry.string("name");
    if (name.empty()) name = host_name;
    TRY(check_interface_name(host_name));
    TRY(check_interface_name(name));
    if (!names.insert(name).second) {
      return invalid(cat("linux.netDevices: the name ", quoted(name), " is there twice"));
    }
    out.net_devices.push_back({host_name, name});
  }
  if (!out.net_devices.empty() && out.find_namespace(CLONE_NEWNET) == nullptr) {
    return invalid("linux.netDevices: the container has no network namespace of its own");
  }
  return {};
}

Result<> parse_intel_rdt(const json::Value& lx, OciConfig& out) {
  const json::Value* object = lx.find("intelRdt");
  if (object == nullptr || object->is_null()) return {};
  OciIntelRdt rdt;
  rdt.clos_id = object->string("closID");
  rdt.schemata = object->strings("schemata");
  rdt.l3_cache_schema = object->string("l3CacheSchema");
  rdt.memory_bandwidth_schema = object->string("memBwSchema");
  rdt.monitoring = object->boolean("enableMonitoring") || object->boolean("enableCMT") ||
                   object->boolean("enableMBM");
  if (rdt.clos_id == "." || rdt.clos_id == ".." || rdt.clos_id.find('/') != std::string::npos) {
    return invalid(cat("linux.intelRdt.closID: ", quoted(rdt.clos_id), " is no name"));
  }
  out.intel_rdt = std::move(rdt);
  return {};
}

Result<std::vector<std::string>> absolute_paths(const json::Value& lx, const char* key) {
  std::vector<std::string> paths = lx.strings(key);
  for (const std::string& path : paths) {
    if (path.starts_with('/')) continue;
    return invalid(cat("linux.", key, ": ", quoted(path), " is not an absolute path"));
  }
  return paths;
}

Result<> check_sysctls(const OciConfig& config) {
  for (const auto& [name, value] : config.sysctls) {
    TRY(check_sysctl(name, [&](uint64_t flag) { return config.find_namespace(flag) != nullptr; }));
  }
  return {};
}

// As crun: where none is said every id of root's is itself in the new namespace. What an ordinary
// user may map nobody can guess.
Result<> complete_mappings(OciConfig& out) {
  if (::geteuid() == 0 && out.uid_mappings.empty() && out.gid_mappings.empty()) {
    const sys::IdMaps same = TRY(sys::same_ids());
    out.uid_mappings = same.uids;
    out.gid_mappings = same.gids;
  }
  if (!out.uid_mappings.empty() && !out.gid_mappings.empty()) return {};
  return invalid("linux.namespaces: a user namespace needs uidMappings and gidMappings");
}

}  // namespace

Result<std::vector<sys::IdMapping>> parse_mappings(const json::Value& lx, const char* key) {
  std::vector<sys::IdMapping> mappings;
  for (const json::Value& entry : lx.array(key)) {
    mappings.push_back({TRY_CONTEXT(uint32_of(entry, "containerID"), key),
                        TRY_CONTEXT(uint32_of(entry, "hostID"), key),
                        TRY_CONTEXT(uint32_of(entry, "size"), key)});
  }
  return mappings;
}

Result<> parse_linux(const json::Value& lx, OciConfig& out) {
  TRY(parse_namespaces(lx, out));
  out.uid_mappings = TRY(parse_mappings(lx, "uidMappings"));
  out.gid_mappings = TRY(parse_mappings(lx, "gidMappings"));
  const OciNamespace* user = out.find_namespace(CLONE_NEWUSER);
  bool new_user = user != nullptr && user->path.empty();
  if (new_user) TRY(complete_mappings(out));
  const bool maps = !out.uid_mappings.empty() || !out.gid_mappings.empty();
  if (!new_user && maps) {
    return invalid("linux.uidMappings, gidMappings: there is no user namespace to map");
  }
  TRY(parse_devices(lx, out));
  out.cgroups_path = lx.string("cgroupsPath");
  if (const json::Value* resources = lx.find("resources")) {
    out.resources = TRY(read_resources(*resources));
  }
  if (const json::Value* seccomp = lx.find("seccomp")) out.seccomp = *seccomp;
  out.masked_paths = TRY(absolute_paths(lx, "maskedPaths"));
  out.readonly_paths = TRY(absolute_paths(lx, "readonlyPaths"));
  for (const auto& [name, value] : lx.string_map("sysctl")) {
    out.sysctls[with_dots(name)] = value;
  }
  out.rootfs_propagation = lx.string("rootfsPropagation");
  out.mount_label = lx.string("mountLabel");
  out.personality = TRY(parse_personality(lx));
  out.memory_policy = TRY(parse_memory_policy(lx));
  TRY(parse_time_offsets(lx, out));
  TRY(parse_net_devices(lx, out));
  TRY(parse_intel_rdt(lx, out));
  return check_sysctls(out);
}

}  // namespace skiff::runtime
