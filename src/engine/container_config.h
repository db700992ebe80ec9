// What a container was asked to be: Docker's Config, HostConfig and NetworkingConfig as
// structs, with the JSON shape that the Engine API and engine.db share (engine-api.md 2.5,
// API 1.51). from_json takes a create request or a stored document; to_json prints every
// field with the defaults, nulls and empty lists that `docker inspect` shows.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "codec/json.h"
#include "oci/image_config.h"

namespace skiff::engine {

// Config: the portable part.
struct ContainerConfig {
  oci::RunConfig run;  // User, ExposedPorts, Env, Cmd, Entrypoint, Volumes, Labels, ...
  std::string hostname;
  std::string domainname;
  std::string image;  // as the user typed it
  bool attach_stdin = false;
  bool attach_stdout = false;
  bool attach_stderr = false;
  bool tty = false;
  bool open_stdin = false;
  bool stdin_once = false;
  bool network_disabled = false;
  std::optional<int> stop_timeout;  // seconds

  static Result<ContainerConfig> from_json(const json::Value& v);
  json::Value to_json() const;
};

struct RestartPolicy {
  std::string name = "no";  // no, always, unless-stopped, on-failure
  int maximum_retry_count = 0;
};

struct HostPort {
  std::string ip;    // "" is every address
  std::string port;  // "" is a free one; "8000-8010" is refused
};

enum class MountType { kBind, kVolume, kTmpfs };
std::string_view mount_type_name(MountType type);

// One entry of HostConfig.Mounts (`--mount`).
struct MountRequest {
  MountType type = MountType::kVolume;
  std::string source;  // host path, volume name, or ""
  std::string target;
  bool read_only = false;
  std::string propagation;         // binds
  bool create_mountpoint = false;  // binds: make a missing source
  bool no_copy = false;            // volumes: leave out the image's content
  std::map<std::string, std::string> volume_labels;
  std::map<std::string, std::string> driver_options;
  int64_t tmpfs_size = 0;
  uint32_t tmpfs_mode = 0;

  static Result<MountRequest> from_json(const json::Value& v);
  json::Value to_json() const;
};

struct Ulimit {
  std::string name;
  int64_t soft = 0;
  int64_t hard = 0;
};

// What `update` may change on a container that runs.
struct Resources {
  int64_t memory = 0;
  int64_t memory_swap = 0;
  int64_t memory_reservation = 0;
  int64_t nano_cpus = 0;
  int64_t cpu_shares = 0;
  int64_t cpu_period = 0;
  int64_t cpu_quota = 0;
  std::string cpuset_cpus;
  std::string cpuset_mems;
  std::optional<int64_t> pids_limit;
  bool oom_kill_disable = false;
};

struct DeviceMapping {
  std::string path_on_host;
  std::string path_in_container;
  std::string permissions;  // of "rwm"
};

// HostConfig: what ties the container to this machine.
struct HostConfig {
  std::vector<std::string> binds;  // "name:/p", "/host:/p:ro"
  std::vector<MountRequest> mounts;
  std::map<std::string, std::string> tmpfs;
  std::vector<std::string> volumes_from;
  std::string volume_driver;
  std::string container_id_file;
  std::string log_driver;  // "": the daemon's default, until the container is made
  std::map<std::string, std::string> log_options;
  std::string network_mode = "bridge";
  std::map<std::string, std::vector<HostPort>> port_bindings;  // by "80/tcp"
  bool publish_all_ports = false;
  RestartPolicy restart_policy;
  bool auto_remove = false;
  int console_height = 0;
  int console_width = 0;
  std::vector<std::string> cap_add;
  std::vector<std::string> cap_drop;
  std::vector<std::string> dns;
  std::vector<std::string> dns_options;
  std::vector<std::string> dns_search;
  std::vector<std::string> extra_hosts;
  std::vector<std::string> group_add;
  std::string cgroupns_mode;  // "" chooses: host on cgroup v1, private on v2
  std::string ipc_mode = "private";
  std::string pid_mode;
  std::string uts_mode;
  std::string userns_mode;  // user_namespaces.h
  std::string cgroup_parent;
  std::string runtime;
  int oom_score_adj = 0;
  bool privileged = false;
  bool readonly_rootfs = false;
  std::vector<std::string> security_opt;
  // nullopt: Docker's defaults; an empty list hides nothing ("systempaths=unconfined").
  std::optional<std::vector<std::string>> masked_paths;
  std::optional<std::vector<std::string>> readonly_paths;
  std::map<std::string, std::string> sysctls;
  std::map<std::string, std::string> annotations;
  int64_t shm_size = 64 << 20;
  std::optional<bool> init;
  std::vector<Ulimit> ulimits;
  std::vector<DeviceMapping> devices;
  std::vector<std::string> device_cgroup_rules;  // "c 10:* rw"
  Resources resources;

  // Fields that Skiff does not serve are refused by name (kUnimplemented) unless empty.
  static Result<HostConfig> from_json(const json::Value& v);
  json::Value to_json() const;
};

// NetworkingConfig.EndpointsConfig: what is wished for on each network.
struct EndpointConfig {
  std::vector<std::string> aliases;
  std::string ipv4_address;
  std::string mac_address;
  std::map<std::string, std::string> driver_opts;

  // What kInterfaceOption names it; "" leaves that to the network.
  std::string interface() const;
};
// Of an endpoint's driver: the interface's name in the container.
inline constexpr std::string_view kInterfaceOption = "com.docker.network.endpoint.ifname";

struct NetworkingConfig {
  std::map<std::string, EndpointConfig> endpoints;

  static Result<NetworkingConfig> from_json(const json::Value& v);
  json::Value to_json() const;
};

// Body of POST /containers/{id}/update: only what is there is changed.
struct UpdateRequest {
  json::Value resources;  // the body as sent
  std::optional<RestartPolicy> restart_policy;

  static Result<UpdateRequest> from_json(const json::Value& v);
};

// "8080/tcp" -> 8080 and "tcp"; "tcp" where it says no protocol.
Result<std::pair<uint16_t, std::string>> parse_port(std::string_view text);

}  // namespace skiff::engine
