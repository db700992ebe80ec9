// Container: one container as the OCI runtime sees it, from a bundle to its removal
// (OCI runtime-spec, runtime.md). Used by the process that is its parent (the monitor,
// `skiff-runtime run`) and by those that are not (`start`, `kill`, `delete`, ...).
//
//   Bundle bundle = TRY(read_bundle(directory));
//   Container c = TRY(Container::create({.id = "ab", .state_root = root}, std::move(bundle)));
//   ...                         // created: its init, c.pid(), waits before the program
//   TRY(c.start());             // the init executes the program
//   ...                         // the caller, its parent, waits for c.pidfd()
//   TRY(c.remove(true));
//
// Files: STATE_ROOT/ID/state.json and the socket or fifo on which the init waits. create()
// and exec() may be called only by a single-threaded process: they clone it. Errors have
// Docker's texts; a failed create() or exec() leaves nothing behind. Not thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/unique_fd.h"
#include "codec/json.h"
#include "runtime/oci_config.h"
#include "runtime/systemd_scope.h"
#include "sys/cgroup.h"
#include "sys/namespaces.h"

namespace skiff::runtime {

struct CheckpointOptions;
struct CriuNotice;
struct SeccompFilter;

// Where the commands keep compiled filters; no id has such a name.
inline constexpr std::string_view kSeccompDir = "@seccomp";

// What a new process gets as descriptors 0, 1 and 2; without a terminal only.
struct Stdio {
  int in = 0;
  int out = 1;
  int err = 2;
};

struct CreateOptions {
  std::string id;
  Path state_root;
  Path seccomp_dir;  // compiled filters (seccomp_cache.h)
  Stdio stdio{};
  // Where a process with a terminal sends the master's descriptor (SCM_RIGHTS); a connected
  // Unix socket.
  int console_socket = -1;
  int preserve_fds = 0;  // how many descriptors from 3 on the program keeps
  bool no_pivot = false;
  bool no_new_keyring = false;           // the caller's session keyring instead of one of its own
  bool systemd_cgroup = false;           // systemd makes the cgroup (systemd_scope.h)
  bool notify_socket = false;            // the program gets a notify_proxy.h socket
  std::vector<std::string> env;          // variables besides the config's
  std::vector<OciNamespace> namespaces;  // in place of the config's of the same kinds
  int spare_network = -1;                // for NamespacePlan::make()
  // Called when all is made that needs no root: waits for it, and may tell who the process is.
  std::function<Result<>(OciProcess& process)> await_root;
};

struct ExecOptions {
  Stdio stdio{};
  int console_socket = -1;
  int preserve_fds = 0;
  // By controller ("" is every one) a cgroup below the container's own.
  std::map<std::string, std::string> cgroups;
  bool ignore_paused = false;  // the process then waits for the container to be resumed
};

enum class ContainerStatus { kCreating, kCreated, kRunning, kPaused, kStopped };
std::string_view status_name(ContainerStatus status);

// What state.json keeps.
// Of "linux.intelRdt": an empty one stays as it is.
struct ResctrlSchemas {
  std::string l3_cache;
  std::string memory_bandwidth;
};

struct ContainerState {
  std::string id;
  Path bundle;
  Path rootfs;
  int pid = 0;
  uint64_t start_time = 0;  // of pid, as sys::process_start_time() gives it
  TimePoint created;
  std::string cgroup;        // path below each hierarchy; "" for none
  std::string systemd_unit;  // whose cgroup it is; "": ours alone
  std::string owner;         // name of the user that created it
  bool no_new_keyring = false;
  uint64_t root_mount = 0;  // root_mount.h; 0: it ends with the container's mount namespace
  std::vector<std::string> resctrl;  // directories made for it, to be removed in this order
  std::map<std::string, std::string> annotations;
};

class Container {
 public:
  static Result<Container> create(const CreateOptions& options, Bundle bundle);
  // kNotFound: "container \"x\" does not exist"; kDataLoss: its files are missing or damaged.
  static Result<Container> load(const Path& state_root, const std::string& id);
  // Those whose files can be read; of others there is a warning.
  static Result<std::vector<Container>> list(const Path& state_root);
  // Removes one that load() cannot read (kDataLoss), with its processes: those that state.json or,
  // where that is damaged, its cgroup tells. Where neither does, a warning says so.
  static Result<> discard(const Path& state_root, const std::string& id);

  const ContainerState& state() const { return state_; }
  ContainerStatus status() const;
  int pid() const { return state_.pid; }
  // Of the init, only in the process that created it; readable when it has ended.
  int pidfd() const { return pidfd_.get(); }
  const sys::Cgroup& cgroup() const { return *cgroup_; }
  const OciConfig& config() const { return config_; }
  // The state as `skiff-runtime state` and hooks get it (runtime.md, State).
  json::Value state_json() const;

  // For a process that keeps a container for long, once it is created: frees what of its config
  // neither exec() nor its end asks for.
  void forget_creation();

  // Where a poststart hook fails, the container is removed.
  Result<> start();
  Result<> kill(int signal, bool all = false);
  Result<> pause();
  Result<> resume();
  // "linux.resources"; only what is there changes. After an error the limits of the cgroup are as
  // they were, but for what LimitsBefore leaves out.
  Result<> update(const json::Value& resources, const ResctrlSchemas& schemas = {});
  // Where its NotifyProxy's socket is.
  Path notify_directory() const;
  // A further process in the container's namespaces and cgroup, as the caller's child. Fails
  // when its program cannot be executed.
  Result<sys::Child> exec(const OciProcess& process, const ExecOptions& options);
  // Writes the processes into files; they then are gone, and the container removed, unless it is
  // to go on. kUnavailable: there is no CRIU.
  Result<> checkpoint(const CheckpointOptions& options);
  // A running container of those files, as the caller's child; single-threaded callers only.
  static Result<Container> restore(const CreateOptions& options, Bundle bundle,
                                   const CheckpointOptions& checkpoint);
  // Kills what is left (with `force`, also a running container), runs poststop hooks, and
  // removes cgroups and state. Without `force` a running one is kFailedPrecondition.
  Result<> remove(bool force);

 private:
  Container() = default;
  Result<> read_files();
  // All before the cgroup: the state's directory with the config's copy.
  Result<> begin(const CreateOptions& options, Bundle bundle);
  Result<> run_restore(const CreateOptions& options, const CheckpointOptions& checkpoint);
  Result<> heed_restore(const CriuNotice& notice, int console_socket);
  Result<> make_directory(const std::string& config_text);
  Result<> make_notify_directory();
  Result<> make_cgroup();
  Result<> make_scope();
  Result<> set_up_cgroup();
  Result<> join_resctrl();
  Result<> update_resctrl(const ResctrlSchemas& schemas);
  Result<> await_root(const CreateOptions& options);
  Result<> launch(const CreateOptions& options);
  // A failed create's traces.
  void undo_create();
  json::Value state_json(ContainerStatus status) const;
  // Of a process that still is the container's init.
  Result<UniqueFd> open_init() const;
  Result<> require_running(std::string_view action) const;
  Result<std::shared_ptr<const SeccompFilter>> seccomp_filter();
  Result<> remove_all() const;
  Result<> end_processes() const;
  Result<> thaw_to_die() const;
  void stop_unit() const;

  Path directory_;  // STATE_ROOT/ID
  bool removed_ = false;
  Path seccomp_dir_;
  ContainerState state_;
  OciConfig config_;
  std::optional<sys::Cgroup> cgroup_;
  std::optional<ScopeHolder> scope_holder_;  // until the container's process is in the scope
  UniqueFd pidfd_;
  std::shared_ptr<const SeccompFilter> filter_;  // compiled once for create and exec
};

}  // namespace skiff::runtime
