#include "engine/engine.h"

#include <csignal>
#include <mutex>

#include "base/log.h"
#include "base/strings.h"
#include "engine/check.h"
#include "engine/container_service.h"
#include "engine/file_service.h"
#include "engine/recovery.h"
#include "engine/remove.h"
#include "engine/stopping.h"
#include "engine/stream_service.h"
#include "sys/cgroup.h"

namespace skiff::engine {

namespace {

// --rm: with its anonymous volumes.
void remove_ended(Core& core, const std::shared_ptr<Container>& container) {
  Result<> removed = remove_container(core, container, {.force = false, .volumes = true});
  if (!removed) log_warn(cat("container ", container->id, ": ", removed.error().message()));
}

// Stops one as the daemon goes: its restart policy starts it again with the next one.
void stop_for_shutdown(Core& core, Container& container) {
  if (!container.state().running()) return;
  ContainerConfig config = container.info().config;
  StopOrder order{.by_hand = false};
  order.signal = parse_signal(config.run.stop_signal).value_or(SIGTERM);
  order.timeout = std::chrono::seconds(config.stop_timeout.value_or(10));
  auto stopped = stop_container(core, container, order);
  if (!stopped) log_warn(cat("container ", container.id, ": ", stopped.error().message()));
}

class LocalEngine final : public Engine {
 public:
  LocalEngine(const EngineOptions& options, images::ImageStore& images,
              network::NetworkManager& networks, const Clock& clock, std::unique_ptr<EngineDb> db)
      : core_(options, images, networks, clock, std::move(db)),
        supervisor_(core_, [this](const auto& container) { remove_ended(core_, container); }),
        containers_(core_, supervisor_),
        streams_(core_),
        files_(core_) {}
  ~LocalEngine() override { shutdown(); }
  LocalEngine(const LocalEngine&) = delete;
  LocalEngine& operator=(const LocalEngine&) = delete;

  Result<> open() {
    TRY(core_.volumes.open());
    TRY(supervisor_.open());
    TRY(load_containers(core_));
    recover_containers(core_, supervisor_, streams_.execs());
    TRY(sweep_leftovers(core_));
    resume_containers(core_, supervisor_);
    core_.monitors.refill();
    return {};
  }

  Containers& containers() override { return containers_; }
  Streams& streams() override { return streams_; }
  Files& files() override { return files_; }
  Volumes& volumes() override { return core_.volumes; }
  EventBus& events() override { return core_.events; }

  images::ImageUser image_user(const oci::Digest& image_id) override {
    images::ImageUser user(core_.claims.container_of(image_id.str()));
    for (const auto& container : core_.table.all()) {
      ContainerInfo info = container->info();
      if (info.image_id != image_id.str()) continue;
      bool running = info.state.running();
      if (user.container.empty() || running) user = images::ImageUser(info.id, running);
      if (running) break;
    }
    return user;
  }

  Result<size_t> check(const CheckOptions& options, const ProblemSink& report) override {
    return check_containers(core_, options, report);
  }

  void shutdown() override {
    std::call_once(shut_down_, [this] {
      core_.stopping = true;
      containers_.close();
      if (core_.options.stop_containers_on_shutdown) stop_all();
      core_.shutdown.cancel();
      Error gone(Code::kUnavailable, "the daemon is shutting down");
      for (const auto& container : core_.table.all()) container->fail_waiters(gone);
      core_.events.close();
      supervisor_.close();
      core_.tasks.wait();
      remove_cgroup_parent();
    });
  }

 private:
  // Nothing of an engine without running containers stays in the kernel.
  void remove_cgroup_parent() {
    for (const auto& container : core_.table.all()) {
      if (container->monitor() != nullptr) return;
    }
    auto parent = sys::Cgroup::open(core_.options.cgroup_parent);
    if (!parent) return;
    if (Result<> removed = parent->remove(); !removed) log_info(removed.error().message());
  }

  void stop_all() {
    TaskGroup stops;
    for (const auto& container : core_.table.all()) {
      stops.run([this, container] { stop_for_shutdown(core_, *container); });
    }
  }

  Core core_;
  Supervisor supervisor_;
  ContainerService containers_;
  StreamService streams_;
  FileService files_;
  std::once_flag shut_down_;
};

}  // namespace

Result<std::unique_ptr<Engine>> open_engine(const EngineOptions& options,
                                            images::ImageStore& images,
                                            network::NetworkManager& networks, const Clock& clock) {
  TRY(make_directories(options.root, 0711));
  TRY(make_directories(options.root / "containers", 0710));
  TRY(make_directories(options.run_dir / "containers", 0711));
  auto db = TRY(EngineDb::open(options.root / "engine.db"));
  auto engine = std::make_unique<LocalEngine>(options, images, networks, clock, std::move(db));
  TRY_CONTEXT(engine->open(), "open engine");
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace skiff::engine
