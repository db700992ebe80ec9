// skiffd: engine, builder and Engine API in one process. Wiring only.
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "api/router.h"
#include "base/log.h"
#include "base/space_reserve.h"
#include "base/strings.h"
#include "codec/hash.h"
#include "content/scrub.h"
#include "engine/log_drivers.h"
#include "engine/process_life.h"
#include "main/daemon_options.h"
#include "runtime/own_program.h"
#include "sys/process.h"

namespace skiff {
namespace {

// Some times what the databases write while things are removed.
constexpr uint64_t kReserve = uint64_t{4} << 20U;

// What the kernel must give, by name, with what to do about it.
Result<> check_system() {
  if (::geteuid() != 0) {
    return Error(Code::kPermissionDenied, "skiffd must run as root: try sudo skiffd");
  }
  for (const char* ns : {"mnt", "pid", "net", "uts", "ipc"}) {
    if (!std::filesystem::exists(cat("/proc/self/ns/", ns))) {
      return Error(Code::kUnimplemented, cat("the kernel has no ", ns,
                                             " namespaces (CONFIG_NAMESPACES): "
                                             "boot a kernel that has them, such as Debian's"));
    }
  }
  std::string filesystems = TRY(read_file("/proc/filesystems"));
  if (filesystems.find("\toverlay\n") == std::string::npos) {
    return Error(Code::kUnimplemented,
                 "the kernel has no overlayfs (CONFIG_OVERLAY_FS): try modprobe overlay");
  }
  if (!std::filesystem::exists("/sys/fs/cgroup/memory") &&
      !std::filesystem::exists("/sys/fs/cgroup/cgroup.controllers")) {
    return Error(Code::kUnimplemented,
                 "no cgroups are mounted at /sys/fs/cgroup: mount cgroup2 there");
  }
  return {};
}

// erofs where the kernel can, unless the user says otherwise.
Result<snapshot::BackendChoice> choose_storage(const std::string& name, const Path& root) {
  snapshot::BackendChoice choice = snapshot::choose_backend(root);
  if (name == "overlay") {
    choice.backend = snapshot::Backend::kOverlay;
    choice.why_not_erofs = "--storage-driver overlay";
    return choice;
  }
  if (choice.backend == snapshot::Backend::kErofs || name == "auto") return choice;
  return Error(Code::kUnimplemented, cat("--storage-driver erofs: ", choice.why_not_erofs));
}

// Two daemons on one directory would destroy what is in it, and end each other's containers: the
// lock is held as long as the process lives.
Result<UniqueFd> lock_directory(const Path& directory, std::string_view flag) {
  UniqueFd lock = TRY(open_file(directory / "lock", O_RDWR | O_CREAT, 0600));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return Error(Code::kFailedPrecondition,
                 cat("another skiffd already serves ", directory.native(),
                     ": stop it or choose another ", flag));
  }
  return lock;
}

// A short word of the instance's own, from its root.
std::string instance_name(const std::string& root) {
  return root == kDefaultRoot ? "default" : sha256_hex(root).substr(0, 8);
}

Path program_beside(const char* name) {
  std::error_code ec;
  return std::filesystem::read_symlink("/proc/self/exe", ec).parent_path() / name;
}

// The registry of --registry, which serves in a thread of its own until it is destroyed.
class EmbeddedRegistry {
 public:
  // nullptr where none was asked for. `tickets` serve pushes and pulls of `images`.
  static Result<std::unique_ptr<EmbeddedRegistry>> start(const DaemonOptions& o,
                                                         content::BlobTickets& tickets,
                                                         images::ImageStore& images);
  explicit EmbeddedRegistry(std::unique_ptr<RegistryService> service)
      : service_(std::move(service)), thread_([this] { run(); }) {}
  EmbeddedRegistry(const EmbeddedRegistry&) = delete;
  EmbeddedRegistry& operator=(const EmbeddedRegistry&) = delete;
  ~EmbeddedRegistry() { service_->stop(); }

  // For the API, as long as this lives.
  api::NearRegistry near();

 private:
  void run() {
    if (auto served = service_->run(); !served) log_error(served.error().message());
  }

  std::unique_ptr<RegistryService> service_;
  std::jthread thread_;  // last: it uses the rest
};

Result<std::unique_ptr<EmbeddedRegistry>> EmbeddedRegistry::start(const DaemonOptions& o,
                                                                  content::BlobTickets& tickets,
                                                                  images::ImageStore& images) {
  if (o.registry.empty()) return nullptr;
  RegistryService::Options options = registry_options(o);
  options.registry.tickets = &tickets;
  auto service = TRY_CONTEXT(RegistryService::open(options), "--registry");
  images.set_near_registry({.address = service->address(), .tickets = &tickets});
  log_info(cat("registry at ", service->description()));
  return std::make_unique<EmbeddedRegistry>(std::move(service));
}

api::NearRegistry EmbeddedRegistry::near() {
  registry::Registry& registry = service_->registry();
  return {
      .check = [&registry](const CheckOptions& options, const ProblemSink& report,
                           const CancelToken& cancel) -> Result<api::NearRegistry::Checked> {
        const auto checked = TRY(registry.check(options, report, cancel));
        return api::NearRegistry::Checked{.repositories = checked.repositories,
                                          .manifests = checked.manifests,
                                          .blobs = checked.blobs,
                                          .bytes = checked.bytes};
      },
      .scrub = [&registry](
                   const content::ScrubOptions& options,
                   const std::function<void(const Error&)>& damaged,
                   const CancelToken& cancel) { return registry.scrub(options, damaged, cancel); }};
}

// Waits for SIGTERM or SIGINT in a thread of its own, then stops the server.
std::jthread stop_on_signal(const sigset_t& signals, net::HttpServer& server) {
  return std::jthread([&signals, &server] {
    int number = 0;
    sigwait(&signals, &number);
    log_info("stopping");
    server.stop();
  });
}

Result<> serve(const DaemonOptions& o) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  // Layers, clients and containers each take some; containers get limits of their own.
  sys::raise_descriptor_limit();
  sys::return_large_blocks();
  const Path root = o.root;
  Path run_dir = std::filesystem::absolute(o.run_dir);
  TRY(make_directories(root, 0711));
  TRY(make_directories(run_dir, 0711));
  UniqueFd root_lock = TRY(lock_directory(root, "--root"));
  UniqueFd run_lock = TRY(lock_directory(run_dir, "--run-dir"));
  std::string instance = instance_name(root);
  std::string cgroup_parent = o.cgroup_parent;
  if (cgroup_parent.empty())
    cgroup_parent = instance == "default" ? "/skiff" : "/skiff-" + instance;

  content::BlobTickets tickets;
  // Opening databases and putting right what a crash left takes room, too.
  SpaceReserve reserve(root / "reserve", kReserve);
  std::optional<SpaceReserve::Loan> starting = reserve.borrow();
  auto content = TRY(content::open_content_store(root / "content"));
  snapshot::BackendChoice storage = TRY(choose_storage(o.storage_driver, root));
  auto snapshots = TRY(snapshot::open_snapshotter(root / "snapshots", storage));
  auto images = TRY(images::open_image_store(root / "images", std::move(content),
                                             std::move(snapshots), Clock::system(), o.limits));
  auto networks = TRY(network::open_network_manager(
      {.root = root / "network", .instance = instance, .bridge = o.bridge, .subnet = o.subnet}));
  const auto runtime = TRY(runtime::ShieldedProgram::open(program_beside("skiff-runtime")));
  auto builder = TRY(builder::open_builder({.root = root / "builder",
                                            .run_dir = run_dir / "builder",
                                            .runtime_program = runtime.path(),
                                            .cgroup_parent = cgroup_parent},
                                           *images, *networks));
  auto engine = TRY(engine::open_engine({.root = root,
                                         .run_dir = run_dir,
                                         .monitor_program = runtime.path(),
                                         .cgroup_parent = cgroup_parent,
                                         .log_driver = o.log_driver,
                                         .log_options = o.log_options,
                                         .stop_containers_on_shutdown = o.stop_containers},
                                        *images, *networks));

  // With all there that keeps something.
  if (auto swept = images->collect_leftovers(); !swept) log_warn(swept.error().message());

  api::DaemonFacts facts{
      root, run_dir, instance, Clock::system().now(), storage.why_not_erofs, o.log_driver, ""};
  if (!storage.why_no_upper.empty()) {
    facts.warning =
        cat("containers cannot run: overlayfs takes no upper directory in ", root.native(), " (",
            storage.why_no_upper, "): put --root on ext4, xfs or btrfs");
    log_warn(facts.warning);
  }
  auto registry = TRY(EmbeddedRegistry::start(o, tickets, *images));
  starting.reset();
  std::optional<content::Scrubber> scrubber;
  if (o.scrub_rate > 0) {
    scrubber.emplace(
        [&](const content::ScrubOptions& options, const CancelToken& cancel) {
          return images->scrub(options, [](const Error&) {}, cancel);
        },
        o.scrub_rate);
  }
  api::Context context{*engine, *images, *builder, *networks, facts, Clock::system(), &reserve, {}};
  if (registry) context.registry = registry->near();
  net::HttpServer server(api::make_handler(context),
                         {.server_name = "Skiff/" SKIFF_VERSION " (linux)"});
  TRY(server.listen(TRY(net::listen_unix(o.socket, 0660))));
  std::jthread stopper = stop_on_signal(signals, server);
  log_info(cat("skiffd ", SKIFF_VERSION, " serves ", o.socket, ", root ", root.native()));
  Result<> served = server.run();
  engine->shutdown();
  auto cleared = networks->shutdown();
  if (!cleared) log_warn(cat("network: ", cleared.error().message()));
  ::unlink(o.socket.c_str());
  if (!served) ::kill(::getpid(), SIGTERM);  // wakes the stopper, another thread
  return served;
}

int run(std::span<char* const> arguments) {
  std::string usage;
  auto options = read_daemon_options(arguments, usage);
  if (!options) {
    fprintf(stderr, "skiffd: %s\nSee 'skiffd --help'.\n", options.error().message().c_str());
    return 2;
  }
  if (options->help || options->version) {
    fputs(options->help ? usage.c_str() : "skiffd " SKIFF_VERSION "\n", stdout);
    return 0;
  }
  set_log_level(options->log_level);
  Result<> done = check_system();
  if (done) done = serve(*options);
  if (done) return 0;
  fprintf(stderr, "skiffd: %s\n", done.error().message().c_str());
  return 1;
}

}  // namespace
}  // namespace skiff

int main(int argc, char** argv) {
  return skiff::run(std::span<char* const>(argv + 1, static_cast<size_t>(argc - 1)));
}
