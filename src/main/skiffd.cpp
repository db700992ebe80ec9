// skiffd: engine, builder and Engine API in one process. Wiring only.
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "api/router.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/program_pages.h"
#include "base/space_reserve.h"
#include "base/strings.h"
#include "base/unique_fd.h"
#include "buildkit/worker_platforms.h"
#include "codec/hash.h"
#include "content/scrub.h"
#include "doctor/doctor.h"
#include "engine/log_drivers.h"
#include "engine/process_life.h"
#include "main/build_commit.h"
#include "main/daemon_options.h"
#include "main/embedded_registry.h"
#include "main/remapped_ids.h"
#include "main/rootless_daemon.h"
#include "main/rootless_ports.h"
#include "net/listen_check.h"
#include "runtime/own_program.h"
#include "runtime/security_labels.h"
#include "runtime/selinux_contexts.h"
#include "sys/namespaces.h"
#include "sys/process.h"

namespace skiff {
namespace {

// Some times what the databases write while things are removed.
constexpr uint64_t kReserve = uint64_t{4} << 20U;

// What the kernel must give, by name, with what to do about it.
Result<> check_system() {
  for (const char* ns : {"mnt", "pid", "net", "uts", "ipc"}) {
    if (!std::filesystem::exists(cat("/proc/self/ns/", ns))) {
      return Error(Code::kUnimplemented, cat("the kernel has no ", ns,
                                             " namespaces (CONFIG_NAMESPACES): "
                                             "boot a kernel that has them, such as Debian's"));
    }
  }
  // Asked for by name: /proc/filesystems does not list what is a module that nobody has used yet.
  if (!UniqueFd(::fsopen("overlay", FSOPEN_CLOEXEC))) {
    return Error(Code::kUnimplemented,
                 "the kernel has no overlayfs (CONFIG_OVERLAY_FS): try modprobe overlay");
  }
  if (!sys::in_user_namespace() && !std::filesystem::exists("/sys/fs/cgroup/memory") &&
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
std::string instance_name(const DaemonOptions& o) {
  return o.default_root ? "default" : sha256_hex(o.root).substr(0, 8);
}

Path program_beside(const char* name) {
  std::error_code ec;
  return std::filesystem::read_symlink("/proc/self/exe", ec).parent_path() / name;
}

// Waits for signals in a thread of its own: SIGHUP is for the registry, SIGTERM and SIGINT stop the
// server.
std::jthread heed_signals(const sigset_t& signals, EmbeddedRegistry* registry,
                          net::HttpServer& server) {
  return std::jthread([&signals, registry, &server] {
    int number = 0;
    while (sigwait(&signals, &number) == 0 && number == SIGHUP) registry->reload();
    log_info("stopping");
    server.stop();
  });
}

// Of the containers' cgroups: below what was delegated to a rootless daemon's user.
std::string cgroup_parent_of(const DaemonOptions& o, const std::string& instance,
                             const RootlessDaemon* rootless) {
  if (!o.cgroup_parent.empty()) return o.cgroup_parent;
  const std::string above = rootless == nullptr ? "" : rootless->cgroups.parent;
  return cat(above, instance == "default" ? "/skiff" : cat("/skiff-", instance));
}

bool labels_containers(const DaemonOptions& o) {
  if (o.no_selinux || !runtime::selinux_enabled()) return false;
  if (!runtime::policy_labels({}).process.empty()) return true;
  log_warn("SELinux is on, but its policy knows no containers: they get no labels");
  return false;
}

api::DaemonFacts facts_of(const DaemonOptions& o, const Path& run_dir, const std::string& instance,
                          const snapshot::BackendChoice& storage, const RootlessDaemon* rootless) {
  api::DaemonFacts facts{.root = o.root,
                         .run_dir = run_dir,
                         .id = instance,
                         .commit = std::string(kBuildCommit),
                         .started = Clock::system().now(),
                         .why_not_erofs = storage.why_not_erofs,
                         .log_driver = o.log_driver};
  if (rootless != nullptr) {
    facts.rootless = true;
    facts.controllers = rootless->cgroups.controllers;
    facts.has_cgroups = !rootless->cgroups.parent.empty();
    facts.warnings = rootless->warnings;
  }
  facts.apparmor = runtime::apparmor_enabled();
  facts.selinux = labels_containers(o);
  if (!storage.why_no_upper.empty()) {
    facts.warnings.push_back(cat("containers cannot run: overlayfs takes no upper directory in ",
                                 o.root, " (", storage.why_no_upper,
                                 "): put --root on ext4, xfs or btrfs"));
    log_warn(facts.warnings.back());
  }
  return facts;
}

sys::EmulationScope emulation_of(const DaemonOptions& o) {
  return o.emulation == "host" ? sys::EmulationScope::kHost : sys::EmulationScope::kContainer;
}

Result<std::unique_ptr<buildkit::BuildkitServer>> start_buildkit(
    const Path& root, const std::string& instance, network::NetworkManager& networks,
    sys::EmulationScope emulation, builder::Builder& builder, images::ImageStore& images) {
  const auto host_gateway = [&networks] {
    const auto bridge = networks.find("bridge");
    return bridge ? bridge->gateway : std::string();
  };
  const auto platforms = [emulation] { return buildkit::worker_platforms(emulation); };
  return buildkit::BuildkitServer::start(
      {.worker = {.id = instance, .platforms = platforms, .host_gateway = host_gateway},
       .scratch = root / "buildkit",
       .history = root / "build-history.db"},
      builder, images);
}

// What ends the daemon, and what its registry heeds: for a thread of its own.
sigset_t block_signals(const DaemonOptions& o) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  // Where there is nothing to open again it ends the program, as the end of a terminal should.
  const RegistryFace& face = o.registry_face;
  if (!cat(face.tls_cert, face.access_log).empty()) sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// Where this daemon is at home, its alone as long as this lives.
struct Home {
  Path root;
  Path run_dir;
  UniqueFd root_lock;
  UniqueFd run_lock;
  std::string instance;
  std::string cgroup_parent;
};

// Whether a daemon that makes `made` makes `directory` with it.
bool comes_with(const Path& directory, const Path& made) {
  const Path rest = made.lexically_relative(directory);
  return !rest.empty() && *rest.begin() != "..";
}

// A daemon that cannot listen makes nothing. Where all its directories are there already, their
// locks tell better of another daemon: enter_home() looks at the socket after them.
Result<> check_before_home(const DaemonOptions& o) {
  const Path run_dir = std::filesystem::absolute(o.run_dir);
  const Path listens_in = std::filesystem::absolute(o.socket).parent_path();
  std::error_code ec;
  if (std::filesystem::exists(o.root, ec) && std::filesystem::exists(run_dir, ec)) return {};
  const bool is_made = comes_with(listens_in, run_dir) || comes_with(listens_in, o.root);
  if (is_made && !std::filesystem::exists(listens_in, ec)) return {};
  return net::check_listen_unix(o.socket);
}

Result<Home> enter_home(const DaemonOptions& o, const RootlessDaemon* rootless) {
  Home home{.root = o.root, .run_dir = std::filesystem::absolute(o.run_dir)};
  TRY(make_directories(home.root, 0711));
  TRY(make_directories(home.run_dir, 0711));
  home.root_lock = TRY(lock_directory(home.root, "--root"));
  home.run_lock = TRY(lock_directory(home.run_dir, "--run-dir"));
  TRY(net::check_listen_unix(o.socket));
  home.instance = instance_name(o);
  home.cgroup_parent = cgroup_parent_of(o, home.instance, rootless);
  return home;
}

// What clients work with; the later use the earlier ones.
struct Works {
  std::unique_ptr<images::ImageStore> images;
  std::unique_ptr<network::NetworkManager> networks;
  std::unique_ptr<builder::Builder> builder;
  std::unique_ptr<engine::Engine> engine;
};

Result<std::unique_ptr<images::ImageStore>> open_images(const DaemonOptions& o, const Path& root,
                                                        const snapshot::BackendChoice& storage) {
  auto content = TRY(content::open_content_store(root / "content"));
  auto snapshots = TRY(snapshot::open_snapshotter(root / "snapshots", storage));
  return images::open_image_store(root / "images", std::move(content), std::move(snapshots),
                                  Clock::system(), o.limits);
}

Result<Works> open_works(const DaemonOptions& o, const Home& home, const RootlessDaemon* rootless,
                         const runtime::ShieldedProgram& runtime,
                         const snapshot::BackendChoice& storage, api::DaemonFacts& facts) {
  Works works;
  const auto cgroup_parents =
      TRY(sys::CgroupParents::open(home.run_dir / "cgroup-parents", home.cgroup_parent));
  const RemappedIds ids = TRY(remapped_ids(o.userns_remap, home.root, home.run_dir));
  facts.maps_ids = ids.maps.has_value();
  works.images = TRY(open_images(o, home.root, storage));
  works.networks = TRY(network::open_network_manager(
      {.root = home.root / "network",
       .instance = home.instance,
       .bridge = o.bridge,
       .subnet = o.subnet,
       .ports = rootless == nullptr ? nullptr : make_rootless_ports(*rootless->session)}));
  const sys::EmulationScope emulation = emulation_of(o);
  works.builder = TRY(builder::open_builder({.root = home.root / "builder",
                                             .run_dir = home.run_dir / "builder",
                                             .runtime_program = runtime.path(),
                                             .cgroup_parent = home.cgroup_parent,
                                             .cgroup_parents = cgroup_parents,
                                             .ids = ids.user_namespace,
                                             .emulation = emulation,
                                             .cache_limit = o.build_cache_limit},
                                            *works.images, *works.networks));
  works.engine = TRY(engine::open_engine({.root = home.root,
                                          .run_dir = home.run_dir,
                                          .monitor_program = runtime.path(),
                                          .cgroup_parent = home.cgroup_parent,
                                          .cgroup_parents = cgroup_parents,
                                          .controllers = facts.controllers,
                                          .has_cgroups = facts.has_cgroups,
                                          .log_driver = o.log_driver,
                                          .log_options = o.log_options,
                                          .stop_containers_on_shutdown = o.stop_containers,
                                          .userns = {.remap = ids.maps, .lender = o.userns_auto},
                                          .selinux = {.enabled = facts.selinux},
                                          .emulation = emulation},
                                         *works.images, *works.networks));
  cgroup_parents->sweep();
  // With all there that keeps something.
  if (auto swept = works.images->collect_leftovers(); !swept) log_warn(swept.error().message());
  return works;
}

void shut_down(Works& works, const RootlessDaemon* rootless) {
  works.engine->shutdown();
  auto cleared = works.networks->shutdown();
  if (!cleared) log_warn(cat("network: ", cleared.error().message()));
  // Their keeper stays for containers that run on.
  const auto left = works.engine->containers().counters();
  if (rootless == nullptr || left.running + left.paused > 0) return;
  if (auto ended = rootless->session->end(); !ended) log_warn(ended.error().message());
}

// `rootless` of an ordinary user, else nullptr.
Result<> serve(const DaemonOptions& o, const RootlessDaemon* rootless) {
  const sigset_t signals = block_signals(o);
  // Layers, clients and containers each take some; containers get limits of their own.
  sys::raise_descriptor_limit();
  return_large_blocks();
  const Home home = TRY(enter_home(o, rootless));
  content::BlobTickets tickets;
  // Opening databases and putting right what a crash left takes room, too.
  SpaceReserve reserve(home.root / "reserve", kReserve);
  std::optional<SpaceReserve::Loan> starting = reserve.borrow();
  const auto runtime = TRY(runtime::ShieldedProgram::open(program_beside("skiff-runtime")));
  const snapshot::BackendChoice storage = TRY(choose_storage(o.storage_driver, home.root));
  api::DaemonFacts facts = facts_of(o, home.run_dir, home.instance, storage, rootless);
  Works works = TRY(open_works(o, home, rootless, runtime, storage, facts));
  auto registry = TRY(EmbeddedRegistry::start(o, tickets, *works.images));
  starting.reset();
  std::optional<content::Scrubber> scrubber;
  if (o.scrub_rate > 0) {
    scrubber.emplace(
        [&](const content::ScrubOptions& options, const CancelToken& cancel) {
          return works.images->scrub(options, [](const Error&) {}, cancel);
        },
        o.scrub_rate);
  }
  api::Context context{*works.engine, *works.images,   *works.builder, *works.networks,
                       facts,         Clock::system(), &reserve,       {}};
  if (registry) context.registry = registry->near();
  auto buildkit = TRY(start_buildkit(home.root, home.instance, *works.networks, emulation_of(o),
                                     *works.builder, *works.images));
  context.buildkit = buildkit.get();
  net::HttpServer server(
      api::make_handler(context),
      {.server_name = "Skiff/" SKIFF_VERSION " (linux)", .on_http2 = [&](net::Hijacked connection) {
         auto served = buildkit->serve(std::move(connection));
         if (!served) log_warn(served.error().message());
       }});
  TRY(server.listen(TRY(net::listen_unix(o.socket, rootless == nullptr ? 0660 : 0600))));
  std::jthread stopper = heed_signals(signals, registry.get(), server);
  log_info(cat("skiffd ", SKIFF_VERSION, " serves ", o.socket, ", root ", home.root.native()));
  release_program_pages();  // most of what a start runs
  Result<> served = server.run();
  buildkit.reset();  // its builds end first: their steps hold cgroups and addresses
  shut_down(works, rootless);
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
  Result<> done = check_before_home(*options);
  if (!done) {
    fprintf(stderr, "skiffd: %s\n", done.error().message().c_str());
    return 1;
  }
  auto rootless = enter_rootless(std::filesystem::absolute(options->run_dir));
  done = rootless ? check_system() : rootless.error();
  if (done) done = serve(*options, rootless->get());
  if (!done && rootless && *rootless && (*rootless)->session->is_first()) {
    [[maybe_unused]] auto ended = (*rootless)->session->end();  // what could not be used
  }
  if (done) return 0;
  fprintf(stderr, "skiffd: %s\n", done.error().message().c_str());
  return 1;
}

}  // namespace
}  // namespace skiff

int main(int argc, char** argv) {
  const std::span<char* const> arguments(argv + 1, static_cast<size_t>(argc - 1));
  const bool doctor = !arguments.empty() && std::string_view(arguments[0]) == "doctor";
  return doctor ? skiff::doctor::run(arguments.subspan(1)) : skiff::run(arguments);
}
