// Engine: the containers of one Skiff instance, and what surrounds them.
//
//   auto engine = TRY(open_engine(options, images, networks));
//   Created c = TRY(engine->containers().create(request));
//   auto waiter = TRY(engine->containers().wait(c.id, WaitCondition::kNextExit));
//   TRY(engine->containers().start(c.id));
//   WaitResult r = TRY(waiter->wait(cancel));
//
// A container is a row of ROOT/engine.db (one JSON document), a directory
// ROOT/containers/ID (hostname, hosts, resolv.conf, ID-json.log, exit.json), an active
// snapshot "container-ID", and while it runs a directory RUN/containers/ID (bundle, mounted
// rootfs, monitor's socket). Its monitor outlives the engine: open_engine() finds running
// containers again, and reads the exit files of those that ended meanwhile.
//
// Containers are named by name, id, or unambiguous id prefix. Errors carry Docker's texts;
// kNotFound: "No such container: x". Thread-safe; no call waits for another container, and
// list and get never wait at all.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancellation.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/problem.h"
#include "engine/container_config.h"
#include "engine/container_info.h"
#include "engine/events.h"
#include "engine/files.h"
#include "engine/filters.h"
#include "engine/label_pool.h"
#include "engine/streams.h"
#include "engine/userns_remap.h"
#include "engine/volumes.h"
#include "images/image_store.h"
#include "network/network_manager.h"
#include "sys/binfmt.h"
#include "sys/cgroup_parents.h"

namespace skiff::engine {

struct EngineOptions {
  Path root;             // engine.db, containers/, volumes/
  Path run_dir;          // containers/
  Path monitor_program;  // skiff-runtime
  size_t spare_monitors = 2;
  // How long what is made ahead of a new container's start is kept for it.
  std::chrono::milliseconds keep_prepared{10'000};
  std::string cgroup_parent = "/skiff";
  // Of those that containers name instead. Null: nobody follows to drop them.
  std::shared_ptr<sys::CgroupParents> cgroup_parents = nullptr;
  // The cgroup controllers that may be used below it; all that the host has when absent.
  std::optional<std::vector<std::string>> controllers = std::nullopt;
  bool has_cgroups = true;  // false: containers have none of their own, not even a bare one
  Path host_resolv_conf = "/etc/resolv.conf";
  std::string log_driver = "json-file";            // of containers that name none
  std::map<std::string, std::string> log_options;  // of the containers with that driver
  bool stop_containers_on_shutdown = false;        // otherwise they run on
  UsernsOptions userns = {};
  SelinuxOptions selinux = {};
  // Where QEMU is registered for images of another processor.
  sys::EmulationScope emulation = sys::EmulationScope::kContainer;
};

struct CreateRequest {
  std::string name;  // "" makes one up
  ContainerConfig config;
  HostConfig host_config;
  NetworkingConfig networking;
  std::optional<oci::Platform> platform;  // nullopt: the host's
};

struct Created {
  std::string id;
  std::vector<std::string> warnings;
};

enum class WaitCondition { kNotRunning, kNextExit, kRemoved };
// "" is not-running; others are refused: `invalid condition: "bogus"`.
Result<WaitCondition> parse_wait_condition(std::string_view text);

struct WaitResult {
  int exit_code = 0;
  std::string error;
};

// A registered waiter; destroying it forgets the wait.
class Waiter {
 public:
  virtual ~Waiter() = default;
  virtual Result<WaitResult> wait(const CancelToken& cancel) = 0;
};

struct StopOptions {
  std::optional<int> timeout;  // seconds before KILL, -1 for ever; nullopt: the container's
  std::string signal;          // "": the container's
};

// Whether a call changed anything: false is HTTP's 304.
enum class Effect { kDone, kAlready };

struct ListOptions {
  bool all = false;
  int limit = 0;  // the last so many, of any state
  bool sizes = false;
  Filters filters;
};

struct RemoveOptions {
  bool force = false;
  bool volumes = false;  // anonymous ones too
};

struct Counters {
  int containers = 0;
  int running = 0;
  int paused = 0;
  int stopped = 0;
};

class Containers {
 public:
  virtual ~Containers() = default;

  virtual Result<Created> create(CreateRequest request) = 0;
  // A failure leaves the container as it was, with State.Error and exit code 126, 127 or 128.
  // A program that is missing or may not be executed is kInvalidArgument, as Docker's 400.
  virtual Result<Effect> start(const std::string& container) = 0;
  virtual Result<Effect> stop(const std::string& container, const StopOptions& options) = 0;
  virtual Result<> restart(const std::string& container, const StopOptions& options) = 0;
  virtual Result<> kill(const std::string& container, const std::string& signal) = 0;
  virtual Result<> pause(const std::string& container) = 0;
  virtual Result<> unpause(const std::string& container) = 0;
  virtual Result<> rename(const std::string& container, const std::string& new_name) = 0;
  virtual Result<std::vector<std::string>> update(const std::string& container,
                                                  const UpdateRequest& request) = 0;
  virtual Result<> remove(const std::string& container, const RemoveOptions& options) = 0;
  // Registered on return: nothing that happens later is missed.
  virtual Result<std::unique_ptr<Waiter>> wait(const std::string& container,
                                               WaitCondition condition) = 0;

  virtual Result<ContainerInfo> get(const std::string& container, bool sizes = false) = 0;
  // Newest first.
  virtual Result<std::vector<ContainerInfo>> list(const ListOptions& options) = 0;
  // Stopped and created ones. Filters: until, label.
  virtual Result<PruneResult> prune(const Filters& filters) = 0;
  virtual Counters counters() = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;

  virtual Containers& containers() = 0;
  virtual Streams& streams() = 0;
  virtual Files& files() = 0;
  virtual Volumes& volumes() = 0;
  virtual EventBus& events() = 0;

  // The container that keeps an image from being removed; for ImageStore::remove.
  virtual images::ImageUser image_user(const oci::Digest& image_id) = 0;
  // Compares containers with their snapshots and tells each problem; returns how many containers
  // there are. See check.h.
  virtual Result<size_t> check(const CheckOptions& options, const ProblemSink& report) = 0;
  // Ends waits and subscriptions and lets go of the containers, which run on unless
  // stop_containers_on_shutdown. Also called by the destructor.
  virtual void shutdown() = 0;
};

// Finds containers of an earlier daemon again, finishes what it left half-done, and starts
// those whose restart policy says so.
Result<std::unique_ptr<Engine>> open_engine(const EngineOptions& options,
                                            images::ImageStore& images,
                                            network::NetworkManager& networks,
                                            const Clock& clock = Clock::system());

// "KILL", "SIGKILL", "9"; kInvalidArgument "invalid signal: X".
Result<int> parse_signal(std::string_view text);

}  // namespace skiff::engine
