#include "runtime/spec_namespaces.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>

#include "base/strings.h"
#include "sys/procfs.h"

namespace skiff::runtime {

namespace {

bool has_user_namespace(const ContainerSpec& spec) {
  return spec.id_maps.has_value() || !spec.user_namespace.empty();
}

bool is_cgroup_v2_host() {
  struct statfs info{};
  return ::statfs("/sys/fs/cgroup", &info) == 0 && info.f_type == CGROUP2_SUPER_MAGIC;
}

json::Array make_namespaces(const ContainerSpec& spec) {
  std::string cgroup = spec.cgroup_namespace;
  if (cgroup.empty() && !is_cgroup_v2_host()) cgroup = "host";
  json::Array namespaces{json::object({{"type", "mount"}})};
  auto add = [&](const char* type, const std::string& wanted) {
    if (wanted == "host") return;
    json::Value entry = json::object({{"type", type}});
    if (!wanted.empty() && wanted != "private") entry.set("path", wanted);
    namespaces.push_back(std::move(entry));
  };
  add("network", spec.network_namespace);
  add("uts", spec.uts_namespace);
  add("pid", spec.pid_namespace);
  add("ipc", spec.ipc_namespace);
  add("cgroup", cgroup);
  if (has_user_namespace(spec)) add("user", spec.user_namespace);
  return namespaces;
}

// False inside a user namespace, as when the engine itself runs in a container of one.
bool has_every_group(const sys::ProcFs& proc) {
  Result<std::string> map = proc.read("self/gid_map");
  if (!map) return true;  // a kernel without user namespaces
  std::vector<std::string> fields = split(trim(*map), ' ');
  std::erase(fields, "");
  return fields == std::vector<std::string>{"0", "0", "4294967295"};
}

// The kernel refuses a range with groups that the user namespace does not map.
std::string groups_that_ping(const ContainerSpec& spec, const sys::ProcFs& proc) {
  if (!has_user_namespace(spec)) return has_every_group(proc) ? "0 2147483647" : "";
  if (!spec.id_maps || spec.id_maps->gids.empty()) return "";
  const sys::IdMapping& first = spec.id_maps->gids.front();
  return cat(first.inside, " ", first.inside + (first.size - 1));
}

bool kernel_has_sysctl(const sys::ProcFs& proc, std::string name) {
  std::replace(name.begin(), name.end(), '.', '/');
  return proc.open_at(cat("sys/", name), O_PATH).has_value();
}

json::Array mappings_json(const std::vector<sys::IdMapping>& mappings) {
  json::Array out;
  for (const sys::IdMapping& m : mappings) {
    out.push_back(json::object({{"containerID", int64_t{m.inside}},
                                {"hostID", int64_t{m.outside}},
                                {"size", int64_t{m.size}}}));
  }
  return out;
}

}  // namespace

void add_namespaces(const ContainerSpec& spec, json::Value& lx) {
  lx.set("namespaces", make_namespaces(spec));
  // A namespace that is joined has its mappings.
  if (!spec.id_maps || !spec.user_namespace.empty()) return;
  lx.set("uidMappings", mappings_json(spec.id_maps->uids));
  lx.set("gidMappings", mappings_json(spec.id_maps->gids));
}

// Low ports and pings for every user: harmless in a network of the container's own.
Result<json::Value> make_sysctls(const ContainerSpec& spec) {
  const sys::ProcFs* proc = TRY(sys::ProcFs::ours());
  std::map<std::string, std::string> sysctls = spec.sysctls;
  auto add_default = [&](const char* name, const char* value) {
    if (kernel_has_sysctl(*proc, name)) sysctls.try_emplace(name, value);
  };
  if (spec.network_namespace.empty() || spec.network_namespace == "private") {
    add_default("net.ipv4.ip_unprivileged_port_start", "0");
    const std::string groups = groups_that_ping(spec, *proc);
    if (!groups.empty()) add_default("net.ipv4.ping_group_range", groups.c_str());
  }
  return json::Value(sysctls);
}

}  // namespace skiff::runtime
