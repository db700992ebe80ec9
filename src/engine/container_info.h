// ContainerInfo: one container as it is now, a value taken at one moment; what inspect,
// list and the CLI's columns are printed from.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "engine/container_config.h"
#include "network/network_manager.h"
#include "runtime/health.h"
#include "runtime/selinux_contexts.h"
#include "sys/id_map.h"

namespace skiff::engine {

enum class Status { kCreated, kRunning, kPaused, kRestarting, kRemoving, kExited, kDead };
std::string_view status_name(Status status);  // "created", "running", ...
std::optional<Status> parse_status(std::string_view name);

using runtime::Health;
using runtime::HealthProbe;

struct State {
  Status status = Status::kCreated;
  int pid = 0;
  int exit_code = 0;
  bool oom_killed = false;
  std::string error;
  TimePoint started;
  TimePoint finished;
  std::optional<Health> health;

  // Docker's "Running": also while paused or waiting for a restart.
  bool running() const {
    return status == Status::kRunning || status == Status::kPaused || status == Status::kRestarting;
  }
  json::Value to_json() const;  // the State object of inspect
};

// A mount of the container, as in inspect's Mounts.
struct MountPoint {
  MountType type = MountType::kBind;
  std::string name;    // of the volume
  std::string source;  // on the host
  std::string destination;
  std::string driver;  // "local" for volumes
  std::string mode;
  bool read_write = true;
  std::string propagation;
  bool from_mounts = false;  // stands in HostConfig.Mounts or Tmpfs, not in Binds

  json::Value to_json() const;
};

// One network of the container; `endpoint` is filled while it is attached.
struct NetworkAttachment {
  std::string network;     // name
  std::string network_id;  // "" before the first start
  EndpointConfig config;
  std::optional<network::Endpoint> endpoint;
};

struct ContainerInfo {
  std::string id;
  std::string name;  // without the leading '/'
  TimePoint created;
  std::string path;  // of the entry process
  std::vector<std::string> args;
  State state;
  std::string image_id;  // "sha256:..."
  std::string image_manifest_digest;
  std::string platform;  // "linux", as inspect says
  ContainerConfig config;
  HostConfig host_config;
  std::vector<MountPoint> mounts;
  std::vector<NetworkAttachment> networks;
  // What its ids are on the host: of a user namespace, which its latest start or, before that, its
  // creation chose (user_namespaces.h). nullopt: the same.
  std::optional<sys::IdMaps> id_maps;
  runtime::SelinuxLabels labels;  // chosen when it was created
  int restart_count = 0;
  std::vector<std::string> exec_ids;
  std::string driver;  // of the root file system
  Path log_path;
  Path resolv_conf_path;
  Path hostname_path;
  Path hosts_path;
  std::optional<uint64_t> size_rw;       // where asked for
  std::optional<uint64_t> size_root_fs;  // where asked for
};

// "Up 3 minutes (healthy)", "Exited (137) 2 hours ago", "Created", as `docker ps` shows.
std::string status_text(const State& state, TimePoint now);
// Path and arguments on one line, quoted as `docker ps` shows them.
std::string command_text(const ContainerInfo& info);

}  // namespace skiff::engine
