#include "runtime/oci_config.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace skiff::runtime {

namespace {

constexpr size_t kConfigLimit = size_t{16} << 20U;
constexpr int64_t kMaxUint32 = 0xffffffff;

Error invalid(const std::string& text) { return Error(Code::kInvalidArgument, text); }

struct NamedLimit {
  std::string_view name;
  int resource;
};
constexpr NamedLimit kRlimits[] = {{"RLIMIT_AS", RLIMIT_AS},
                                   {"RLIMIT_CORE", RLIMIT_CORE},
                                   {"RLIMIT_CPU", RLIMIT_CPU},
                                   {"RLIMIT_DATA", RLIMIT_DATA},
                                   {"RLIMIT_FSIZE", RLIMIT_FSIZE},
                                   {"RLIMIT_LOCKS", RLIMIT_LOCKS},
                                   {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
                                   {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
                                   {"RLIMIT_NICE", RLIMIT_NICE},
                                   {"RLIMIT_NOFILE", RLIMIT_NOFILE},
                                   {"RLIMIT_NPROC", RLIMIT_NPROC},
                                   {"RLIMIT_RSS", RLIMIT_RSS},
                                   {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
                                   {"RLIMIT_RTTIME", RLIMIT_RTTIME},
                                   {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
                                   {"RLIMIT_STACK", RLIMIT_STACK}};

Result<uint32_t> uint32_of(const json::Value& object, std::string_view key) {
  int64_t value = object.integer(key);
  if (value < 0 || value > kMaxUint32) return invalid(cat(key, " is out of range"));
  return static_cast<uint32_t>(value);
}

Result<std::vector<OciRlimit>> parse_rlimits(const json::Value& process) {
  std::vector<OciRlimit> limits;
  for (const json::Value& entry : process.array("rlimits")) {
    std::string name = entry.string("type");
    const NamedLimit* known =
        std::find_if(std::begin(kRlimits), std::end(kRlimits),
                     [&](const NamedLimit& limit) { return limit.name == name; });
    if (known == std::end(kRlimits)) return invalid(cat("process.rlimits: unknown type ", name));
    for (const OciRlimit& other : limits) {
      if (other.name == name) return invalid(cat("process.rlimits: ", name, " is there twice"));
    }
    // 2^64-1 ("infinity") and -1 are the same bits.
    auto value = [&](const char* key) {
      const json::Value* number = entry.find(key);
      bool huge = number != nullptr && number->is_number() && !number->is_int();
      return huge ? static_cast<uint64_t>(RLIM_INFINITY)
                  : static_cast<uint64_t>(entry.integer(key));
    };
    limits.push_back({known->resource, name, value("soft"), value("hard")});
  }
  return limits;
}

// Names this kernel does not have are left out, as runc does: nobody can have them.
sys::CapabilityMask parse_mask(const json::Value& capabilities, const char* set) {
  sys::CapabilityMask mask = 0;
  for (const std::string& name : capabilities.strings(set)) {
    int number = sys::capability_number(name);
    if (number >= 0) mask |= sys::CapabilityMask{1} << static_cast<unsigned>(number);
  }
  return mask & sys::known_capabilities();
}

Result<> refuse_unsupported(const json::Value& object, std::string_view where,
                            std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const json::Value* value = object.find(key);
    if (value == nullptr || value->is_null()) continue;
    bool empty = (value->is_string() && value->as_string().empty()) ||
                 (value->is_array() && value->as_array().empty()) ||
                 (value->is_object() && value->as_object().empty());
    if (!empty) return Error(Code::kUnimplemented, cat(where, key, " is not supported"));
  }
  return {};
}

Result<> parse_user(const json::Value& process, OciProcess& out) {
  const json::Value* user = process.find("user");
  if (user == nullptr) return {};
  out.uid = TRY_CONTEXT(uint32_of(*user, "uid"), "process.user");
  out.gid = TRY_CONTEXT(uint32_of(*user, "gid"), "process.user");
  if (user->has("umask")) out.umask = static_cast<mode_t>(user->integer("umask")) & 0777U;
  for (const json::Value& gid : user->array("additionalGids")) {
    if (!gid.is_int() || gid.as_int() < 0 || gid.as_int() > kMaxUint32) {
      return invalid("process.user.additionalGids holds no group id");
    }
    out.additional_gids.push_back(static_cast<gid_t>(gid.as_int()));
  }
  return {};
}

Result<> parse_mounts(const json::Value& config, OciConfig& out) {
  for (const json::Value& entry : config.array("mounts")) {
    OciMount mount;
    mount.destination = TRY_CONTEXT(entry.require_string("destination"), "mounts");
    if (mount.destination.empty()) return invalid("mounts: empty destination");
    mount.type = entry.string("type");
    mount.source = entry.string("source");
    mount.options = entry.strings("options");
    TRY(refuse_unsupported(entry, "mounts.", {"uidMappings", "gidMappings"}));
    out.mounts.push_back(std::move(mount));
  }
  return {};
}

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
  if (!out.has_new_namespace(CLONE_NEWNS)) {
    return invalid("linux.namespaces: a container needs a mount namespace of its own");
  }
  return {};
}

Result<mode_t> device_type(const std::string& type) {
  if (type == "c" || type == "u") return mode_t{S_IFCHR};
  if (type == "b") return mode_t{S_IFBLK};
  if (type == "p") return mode_t{S_IFIFO};
  return invalid(cat("linux.devices: unknown type ", quoted(type)));
}

Result<> parse_devices(const json::Value& lx, OciConfig& out) {
  for (const json::Value& entry : lx.array("devices")) {
    OciDevice device;
    device.path = TRY_CONTEXT(entry.require_string("path"), "linux.devices");
    mode_t mode = entry.has("fileMode") ? static_cast<mode_t>(entry.integer("fileMode")) : 0666;
    device.mode = TRY(device_type(entry.string("type"))) | (mode & 07777U);
    device.number = makedev(static_cast<unsigned>(entry.integer("major")),
                            static_cast<unsigned>(entry.integer("minor")));
    device.uid = TRY_CONTEXT(uint32_of(entry, "uid"), "linux.devices");
    device.gid = TRY_CONTEXT(uint32_of(entry, "gid"), "linux.devices");
    out.devices.push_back(std::move(device));
  }
  return {};
}

Result<std::vector<OciIdMapping>> parse_mappings(const json::Value& lx, const char* key) {
  std::vector<OciIdMapping> mappings;
  for (const json::Value& entry : lx.array(key)) {
    mappings.push_back({TRY_CONTEXT(uint32_of(entry, "containerID"), key),
                        TRY_CONTEXT(uint32_of(entry, "hostID"), key),
                        TRY_CONTEXT(uint32_of(entry, "size"), key)});
  }
  return mappings;
}

Result<std::vector<OciHook>> parse_hook_list(const json::Value& hooks, const char* key) {
  std::vector<OciHook> list;
  for (const json::Value& entry : hooks.array(key)) {
    OciHook hook;
    hook.path = TRY_CONTEXT(entry.require_string("path"), cat("hooks.", key));
    if (!hook.path.starts_with('/')) return invalid(cat("hooks.", key, ": path is not absolute"));
    hook.args = entry.strings("args");
    hook.env = entry.strings("env");
    hook.timeout_seconds = static_cast<int>(entry.integer("timeout"));
    list.push_back(std::move(hook));
  }
  return list;
}

Result<> parse_hooks(const json::Value& config, OciHooks& out) {
  const json::Value* hooks = config.find("hooks");
  if (hooks == nullptr) return {};
  out.prestart = TRY(parse_hook_list(*hooks, "prestart"));
  out.create_runtime = TRY(parse_hook_list(*hooks, "createRuntime"));
  out.create_container = TRY(parse_hook_list(*hooks, "createContainer"));
  out.start_container = TRY(parse_hook_list(*hooks, "startContainer"));
  out.poststart = TRY(parse_hook_list(*hooks, "poststart"));
  out.poststop = TRY(parse_hook_list(*hooks, "poststop"));
  return {};
}

Result<> check_sysctls(const OciConfig& config) {
  for (const auto& [name, value] : config.sysctls) {
    // One that no namespace of the container holds would change the host.
    uint64_t flag = 0;
    if (name.starts_with("net.")) flag = CLONE_NEWNET;
    if (name.starts_with("fs.mqueue.") || name.starts_with("kernel.shm") ||
        name.starts_with("kernel.msg") || name == "kernel.sem") {
      flag = CLONE_NEWIPC;
    }
    if (name == "kernel.domainname" || name == "kernel.hostname") flag = CLONE_NEWUTS;
    if (flag == 0)
      return invalid(cat("sysctl ", quoted(name), " is not in a separate kernel namespace"));
    if (config.find_namespace(flag) == nullptr) {
      return invalid(cat("sysctl ", quoted(name), " is not allowed in the host's namespace"));
    }
  }
  return {};
}

Result<> parse_linux(const json::Value& lx, OciConfig& out) {
  TRY(refuse_unsupported(
      lx, "linux.",
      {"mountLabel", "intelRdt", "personality", "timeOffsets", "netDevices", "memoryPolicy"}));
  TRY(parse_namespaces(lx, out));
  out.uid_mappings = TRY(parse_mappings(lx, "uidMappings"));
  out.gid_mappings = TRY(parse_mappings(lx, "gidMappings"));
  const OciNamespace* user = out.find_namespace(CLONE_NEWUSER);
  bool new_user = user != nullptr && user->path.empty();
  if (new_user && (out.uid_mappings.empty() || out.gid_mappings.empty())) {
    return invalid("linux.namespaces: a user namespace needs uidMappings and gidMappings");
  }
  if (!new_user && !out.uid_mappings.empty()) {
    return invalid("linux.uidMappings: there is no user namespace to map");
  }
  TRY(parse_devices(lx, out));
  out.cgroups_path = lx.string("cgroupsPath");
  if (const json::Value* resources = lx.find("resources")) out.resources = *resources;
  if (const json::Value* seccomp = lx.find("seccomp")) out.seccomp = *seccomp;
  out.masked_paths = lx.strings("maskedPaths");
  out.readonly_paths = lx.strings("readonlyPaths");
  out.sysctls = lx.string_map("sysctl");
  out.rootfs_propagation = lx.string("rootfsPropagation");
  return check_sysctls(out);
}

}  // namespace

const OciNamespace* OciConfig::find_namespace(uint64_t flag) const {
  auto found = std::find_if(namespaces.begin(), namespaces.end(),
                            [&](const OciNamespace& ns) { return ns.kind->flag == flag; });
  return found == namespaces.end() ? nullptr : &*found;
}

bool OciConfig::has_new_namespace(uint64_t flag) const {
  const OciNamespace* found = find_namespace(flag);
  return found != nullptr && found->path.empty();
}

Result<OciProcess> parse_process(const json::Value& process) {
  if (!process.is_object()) return invalid("process is not an object");
  OciProcess out;
  TRY(refuse_unsupported(
      process, "process.",
      {"apparmorProfile", "selinuxLabel", "scheduler", "ioPriority", "execCPUAffinity"}));
  out.terminal = process.boolean("terminal");
  if (const json::Value* size = process.find("consoleSize")) {
    out.console_height = static_cast<int>(size->integer("height"));
    out.console_width = static_cast<int>(size->integer("width"));
  }
  TRY(parse_user(process, out));
  out.args = process.strings("args");
  if (out.args.empty() || out.args[0].empty()) return invalid("process.args must not be empty");
  out.env = process.strings("env");
  for (const std::string& variable : out.env) {
    if (variable.find('\0') != std::string::npos || variable.find('=') == std::string::npos) {
      return invalid(cat("process.env: ", quoted(variable), " is not NAME=value"));
    }
  }
  out.cwd = process.string("cwd");
  if (!out.cwd.starts_with('/')) {
    return invalid(cat("process.cwd ", quoted(out.cwd), " is not an absolute path"));
  }
  if (const json::Value* capabilities = process.find("capabilities")) {
    out.capabilities = {.bounding = parse_mask(*capabilities, "bounding"),
                        .effective = parse_mask(*capabilities, "effective"),
                        .inheritable = parse_mask(*capabilities, "inheritable"),
                        .permitted = parse_mask(*capabilities, "permitted"),
                        .ambient = parse_mask(*capabilities, "ambient")};
  }
  out.rlimits = TRY(parse_rlimits(process));
  out.no_new_privileges = process.boolean("noNewPrivileges");
  if (process.has("oomScoreAdj")) {
    out.oom_score_adj = static_cast<int>(process.integer("oomScoreAdj"));
  }
  return out;
}

Result<OciConfig> parse_config(const json::Value& config, const Path& bundle) {
  OciConfig out;
  out.version = TRY(config.require_string("ociVersion"));
  if (!out.version.starts_with("1.")) {
    return invalid(cat("ociVersion ", quoted(out.version), " is not supported"));
  }
  if (const json::Value* process = config.find("process"))
    out.process = TRY(parse_process(*process));
  const json::Value* root = TRY(config.require_object("root"));
  std::string path = TRY_CONTEXT(root->require_string("path"), "root");
  if (path.empty()) return invalid("root.path must not be empty");
  out.root = Path(path).is_absolute() ? Path(path) : bundle / path;
  out.root_readonly = root->boolean("readonly");
  TRY(parse_mounts(config, out));
  out.hostname = config.string("hostname");
  out.domainname = config.string("domainname");
  TRY(parse_hooks(config, out.hooks));
  out.annotations = config.string_map("annotations");
  TRY(parse_linux(*TRY(config.require_object("linux")), out));
  if (!out.hostname.empty() && out.find_namespace(CLONE_NEWUTS) == nullptr) {
    return invalid("unable to set hostname without a private UTS namespace");
  }
  return out;
}

Result<OciConfig> load_config(const Path& bundle) {
  Path file = bundle / "config.json";
  std::string text = TRY(read_file(file, kConfigLimit));
  json::Value config = TRY_CONTEXT(json::parse(text), file.native());
  return parse_config(config, bundle).context(file.native());
}

}  // namespace skiff::runtime
