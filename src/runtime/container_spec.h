// ContainerSpec: what an engine or a builder wants to run, in their words; and its
// translation into an OCI runtime-spec config.json with Docker's defaults (capabilities,
// masked and read-only paths, devices, mounts, seccomp profile).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "codec/json.h"
#include "runtime/host_devices.h"
#include "runtime/selinux_contexts.h"
#include "sys/id_map.h"

namespace skiff::runtime {

struct BindMount {
  std::string source;  // on the host
  std::string target;  // in the container
  bool read_only = false;
  std::string propagation = "rprivate";
  // Owners on disk are ids inside the container's user namespace: an id-mapped mount. Otherwise
  // they are the host's, and those that the namespace does not map are seen as nobody's.
  bool map_ids = false;
};

struct TmpfsMount {
  std::string target;
  std::string options;  // "size=64m,mode=1777", as after `--tmpfs /x:`
};

struct Limits {
  int64_t memory_bytes = 0;       // 0: none
  int64_t memory_swap_bytes = 0;  // memory + swap; -1 unlimited; 0: twice the memory
  int64_t memory_reservation_bytes = 0;
  int64_t nano_cpus = 0;
  int64_t cpu_shares = 0;
  int64_t cpu_quota_us = 0;
  int64_t cpu_period_us = 0;
  std::string cpuset_cpus;
  std::string cpuset_mems;
  int64_t pids = 0;  // 0: as it is; less: none
  bool oom_kill_disable = false;
};

struct Ulimit {
  std::string name;  // "nofile"
  int64_t soft = 0;
  int64_t hard = 0;
};

inline constexpr std::string_view kNoShm = "none";

struct ContainerSpec {
  Path rootfs;  // mounted tree on the host
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::string working_dir = "/";
  std::string user;  // "", "name", "1000", "name:group", "1000:1000": looked up in the rootfs
  bool user_with_root = false;  // instead: told when there is a root (NewMonitor::give_root())
  std::vector<std::string> additional_groups;
  std::string hostname;
  std::string domainname;
  bool terminal = false;
  int console_height = 0;
  int console_width = 0;
  bool read_only = false;
  bool privileged = false;
  bool no_new_privileges = false;
  bool init = false;                 // a small init as pid 1 that reaps and forwards signals
  std::vector<std::string> cap_add;  // "NET_ADMIN", "CAP_NET_ADMIN", "ALL"
  std::vector<std::string> cap_drop;
  std::vector<BindMount> binds;
  std::vector<TmpfsMount> tmpfs;
  int64_t shm_bytes = 64 << 20;
  std::vector<Ulimit> ulimits;
  std::map<std::string, std::string> sysctls;
  std::vector<DeviceGrant> devices;       // besides the defaults
  std::vector<std::string> device_rules;  // "c 10:* rw", besides those
  Limits limits;
  std::string cgroup_path;  // "/skiff/ID" below each hierarchy
  // "" a new namespace, "host" the host's, else a path ("/proc/12/ns/net").
  std::string network_namespace;
  std::string pid_namespace;
  std::string ipc_namespace;
  std::string shm;  // what is at /dev/shm: "" a new one, kNoShm, else the path of a shared one
  std::string uts_namespace;
  std::string cgroup_namespace;  // "" decides as Docker: host on v1, private on v2; or "private"
  // A user namespace: a new one that maps these ids, or another's by its path ("/proc/12/ns/user"),
  // which has the same mappings. Neither: the host's. The root is to be mounted with them.
  std::optional<sys::IdMaps> id_maps;
  std::string user_namespace;
  // Registers an emulator of foreign programs, in the container's user namespace: see emulation.h.
  std::string emulation;
  std::string seccomp;           // "" Docker's default, "unconfined", or a profile's JSON
  std::string apparmor_profile;  // "": none
  SelinuxLabels selinux;         // empty: none; the root is to be mounted with its label
  // nullopt: Docker's defaults.
  std::optional<std::vector<std::string>> masked_paths;
  std::optional<std::vector<std::string>> readonly_paths;
  int oom_score_adj = 0;
  std::map<std::string, std::string> annotations;
};

// The OCI config.json. Fails with Docker's texts: "unable to find user x: no matching
// entries in passwd file", "invalid CapAdd: unknown capability: ...". Reads only
// /etc/passwd and /etc/group of the rootfs, safely.
Result<json::Value> make_oci_config(const ContainerSpec& spec);

// "invalid CapAdd: unknown capability: ..." for names that are none.
Result<> check_capabilities(const std::vector<std::string>& add,
                            const std::vector<std::string>& drop);
// "nofile", "nproc"...
bool is_ulimit(std::string_view name);

// The "linux.resources" part alone, for MonitorClient::update.
Result<json::Value> make_oci_resources(const Limits& limits);

// Who `user` is inside `rootfs` ("" is root).
struct ResolvedUser {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> additional_gids;
  std::string home = "/";
};
Result<ResolvedUser> resolve_user(const Path& rootfs, const std::string& user,
                                  const std::vector<std::string>& additional_groups = {});

}  // namespace skiff::runtime
