#include "runtime/example_config.h"

#include <unistd.h>

#include "runtime/spec_version.h"
#include "sys/cgroup.h"

namespace skiff::runtime {

namespace {

json::Value mount(const char* destination, const char* type, const char* source,
                  const std::vector<std::string>& options) {
  json::Value entry =
      json::object({{"destination", destination}, {"type", type}, {"source", source}});
  if (!options.empty()) entry.set("options", options);
  return entry;
}

json::Value process() {
  std::vector<std::string> capabilities = {"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"};
  return json::object(
      {{"terminal", true},
       {"user", json::object({{"uid", 0}, {"gid", 0}})},
       {"args", std::vector<std::string>{"sh"}},
       {"env",
        std::vector<std::string>{
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"}},
       {"cwd", "/"},
       {"capabilities", json::object({{"bounding", capabilities},
                                      {"effective", capabilities},
                                      {"permitted", capabilities}})},
       {"rlimits",
        json::array({json::object({{"type", "RLIMIT_NOFILE"}, {"hard", 1024}, {"soft", 1024}})})},
       {"noNewPrivileges", true}});
}

json::Array mounts(bool rootless) {
  std::vector<std::string> pts = {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"};
  if (!rootless) pts.emplace_back("gid=5");
  json::Value sys =
      rootless ? mount("/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"})
               : mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"});
  json::Array list = {
      mount("/proc", "proc", "proc", {}),
      mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
      mount("/dev/pts", "devpts", "devpts", pts),
      mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}),
      mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}), std::move(sys),
      // Also over the host's: read-only as that is, what is mounted below it is not.
      mount("/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"})};
  return list;
}

json::Value mapping(int64_t host) {
  return json::array({json::object({{"containerID", 0}, {"hostID", host}, {"size", 1}})});
}

// Version 1 mounts its cgroups into a container without a namespace for them, as runc's does.
bool only_version_2() {
  Result<std::vector<sys::CgroupHierarchy>> all = sys::cgroup_hierarchies();
  return all && all->size() == 1 && all->front().unified;
}

json::Array namespaces(bool rootless) {
  json::Array list;
  std::vector<const char*> types = {"pid", "ipc", "uts", "mount"};
  types.push_back(rootless ? "user" : "network");
  if (only_version_2()) types.push_back("cgroup");
  for (const char* type : types) list.push_back(json::object({{"type", type}}));
  return list;
}

json::Value linux_part(bool rootless) {
  json::Value lx = json::object();
  if (rootless) {
    lx.set("uidMappings", mapping(::geteuid()));
    lx.set("gidMappings", mapping(::getegid()));
  } else {
    lx.set("resources",
           json::object(
               {{"devices", json::array({json::object({{"allow", false}, {"access", "rwm"}})})}}));
  }
  lx.set("namespaces", namespaces(rootless));
  lx.set("maskedPaths",
         std::vector<std::string>{"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys",
                                  "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
                                  "/proc/sched_debug", "/sys/firmware", "/proc/scsi"});
  lx.set("readonlyPaths", std::vector<std::string>{"/proc/bus", "/proc/fs", "/proc/irq",
                                                   "/proc/sys", "/proc/sysrq-trigger"});
  return lx;
}

}  // namespace

json::Value example_config(bool rootless) {
  return json::object({{"ociVersion", kSpecVersion},
                       {"process", process()},
                       {"root", json::object({{"path", "rootfs"}, {"readonly", true}})},
                       {"hostname", "skiff"},
                       {"mounts", mounts(rootless)},
                       {"linux", linux_part(rootless)}});
}

}  // namespace skiff::runtime
