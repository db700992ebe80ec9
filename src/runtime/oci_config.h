// OciConfig: a bundle's config.json, read and checked (OCI runtime-spec config.md and
// config-linux.md, 1.3). What this runtime does not support is refused by name, never ignored.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "codec/json.h"
#include "runtime/oci_scheduling.h"
#include "sys/capabilities.h"
#include "sys/id_map.h"
#include "sys/namespaces.h"

namespace skiff::runtime {

struct OciRlimit {
  int resource = 0;  // RLIMIT_NOFILE
  std::string name;
  uint64_t soft = 0;
  uint64_t hard = 0;
};

struct OciProcess {
  bool terminal = false;
  int console_height = 0;
  int console_width = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<gid_t> additional_gids;
  bool keeps_groups = false;  // of who makes it, instead: kKeepGroupsAnnotation
  mode_t umask = 022;
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::string cwd;
  sys::CapabilitySets capabilities;
  std::set<std::string> unknown_capabilities;  // asked for, but not this kernel's
  std::vector<OciRlimit> rlimits;
  bool no_new_privileges = false;
  std::optional<int> oom_score_adj;
  std::optional<OciScheduler> scheduler;
  std::optional<OciIoPriority> io_priority;
  std::optional<OciCpuAffinity> exec_cpu_affinity;
  std::string apparmor_profile;
  std::string selinux_label;
};

struct OciMount {
  std::string destination;
  std::string type;
  std::string source;
  std::vector<std::string> options;
  std::vector<sys::IdMapping> uid_mappings;
  std::vector<sys::IdMapping> gid_mappings;
  std::string label;  // linux.mountLabel
};

struct OciNamespace {
  const sys::NamespaceKind* kind = nullptr;
  std::string path;  // "": a new one
};

struct OciDevice {
  std::string path;
  mode_t mode = 0;  // with S_IFCHR, S_IFBLK or S_IFIFO
  dev_t number = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};

// What a clock of the time namespace is ahead of the host's.
struct OciTimeOffset {
  std::string clock;  // "monotonic" or "boottime"
  int64_t seconds = 0;
  uint32_t nanoseconds = 0;
};

// A host's network interface that becomes the container's.
struct OciNetDevice {
  std::string host_name;
  std::string name;  // in the container
};

// Cache and memory bandwidth classes of the processor (resctrl).
struct OciIntelRdt {
  std::string clos_id;  // "": one of the container's own
  std::vector<std::string> schemata;
  std::string l3_cache_schema;
  std::string memory_bandwidth_schema;
  bool monitoring = false;
};

struct OciHook {
  std::string path;
  std::vector<std::string> args;
  std::optional<std::vector<std::string>> env;  // none: the runtime's own, as under runc and crun
  int timeout_seconds = 0;                      // 0: none
};

struct OciHooks {
  std::vector<OciHook> prestart;
  std::vector<OciHook> create_runtime;
  std::vector<OciHook> create_container;
  std::vector<OciHook> start_container;
  std::vector<OciHook> poststart;
  std::vector<OciHook> poststop;
};

struct OciConfig {
  std::string version;
  std::optional<OciProcess> process;
  Path root;  // absolute
  bool root_readonly = false;
  std::vector<OciMount> mounts;
  std::string hostname;
  std::string domainname;
  OciHooks hooks;
  std::map<std::string, std::string> annotations;
  std::vector<OciNamespace> namespaces;
  std::vector<sys::IdMapping> uid_mappings;
  std::vector<sys::IdMapping> gid_mappings;
  std::vector<OciDevice> devices;
  std::string cgroups_path;
  json::Value resources;
  json::Value seccomp;  // null: none
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;
  std::map<std::string, std::string> sysctls;
  std::string rootfs_propagation;
  std::optional<unsigned long> personality;
  std::optional<OciMemoryPolicy> memory_policy;
  std::vector<OciTimeOffset> time_offsets;
  std::vector<OciNetDevice> net_devices;
  std::optional<OciIntelRdt> intel_rdt;
  std::string mount_label;

  const OciNamespace* find_namespace(uint64_t flag) const;
  // True when the container gets a namespace of its own of this kind.
  bool has_new_namespace(uint64_t flag) const;
  // What is left below the root of a path of the host's, by its text; nothing for one elsewhere.
  std::optional<std::string> path_in_root(const Path& path) const;
};

Result<OciConfig> parse_config(const json::Value& config, const Path& bundle);
// BUNDLE/config.json, as it is and as it is understood.
struct Bundle {
  Path path;  // absolute
  std::string text;
  OciConfig config;
};
Result<Bundle> read_bundle(const Path& path);
// The "process" object alone (`exec --process`).
Result<OciProcess> parse_process(const json::Value& process);

}  // namespace skiff::runtime
