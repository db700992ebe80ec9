#include "engine/starts_ahead.h"

#include <algorithm>

#include "base/log.h"
#include "base/strings.h"
#include "engine/process_life.h"

namespace skiff::engine {

namespace {

// Each costs a waiting process, a monitor and the mounts of a container.
constexpr size_t kMost = 8;

// What is looked up at a start, and what another container or the host may change until then, is
// not looked up before.
bool may_be_made_ahead(const ContainerInfo& info) {
  const HostConfig& host = info.host_config;
  for (const std::string* mode : {&host.network_mode, &host.pid_mode, &host.ipc_mode}) {
    if (mode->starts_with("container:")) return false;
  }
  return userns_owner(host, info.id_maps).empty() &&
         std::ranges::all_of(
             info.mounts, [](const MountPoint& mount) { return mount.type != MountType::kBind; });
}

// Any operation under way has taken it, or taken it back.
void take_back(const std::weak_ptr<Container>& unused) {
  const auto container = unused.lock();
  if (container == nullptr) return;
  if (const auto operation = container->try_operate_start()) container->prepared.reset();
}

}  // namespace

StartsAhead::StartsAhead(Core& core) : core_(core), thread_([this] { work(); }) {}

void StartsAhead::offer(const std::shared_ptr<Container>& container) {
  if (!may_be_made_ahead(container->info())) return;
  {
    const std::lock_guard lock(mutex_);
    offered_.push_back({container, Clock::now() + core_.options.keep_prepared, {}});
  }
  changed_.notify_all();
}

void StartsAhead::go_on() { changed_.notify_all(); }

void StartsAhead::close() {
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return;
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
  for (const Offer& offer : kept_) take_back(offer.container);
}

std::optional<StartsAhead::Offer> StartsAhead::next_to_drop() {
  std::erase_if(kept_, [](const Offer& offer) { return offer.start.expired(); });
  if (kept_.empty() || kept_.front().until > Clock::now()) return std::nullopt;
  Offer oldest = std::move(kept_.front());
  kept_.pop_front();
  return oldest;
}

std::optional<StartsAhead::Offer> StartsAhead::next_to_prepare() {
  const auto now = Clock::now();
  std::erase_if(offered_, [&](const Offer& offer) { return offer.until <= now; });
  if (offered_.empty() || kept_.size() >= kMost) return std::nullopt;
  Offer oldest = std::move(offered_.front());
  offered_.pop_front();
  return oldest;
}

void StartsAhead::prepare(Offer offer) {
  const auto container = offer.container.lock();
  if (container == nullptr) return;
  const auto operation = container->try_operate_start();
  if (!operation.owns_lock() || container->state().status != Status::kCreated) return;
  if (Result<> done = prepare_start(core_, *container); !done) {
    log_info(cat("container ", container->id, ": not prepared: ", done.error().message()));
    return;
  }
  core_.monitors.refill();
  offer.start = container->prepared;
  const std::lock_guard lock(mutex_);
  kept_.push_back(std::move(offer));
}

void StartsAhead::work() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (const auto old = next_to_drop()) {
      lock.unlock();
      take_back(old->container);
      lock.lock();
    } else if (auto next = next_to_prepare()) {
      lock.unlock();
      prepare(std::move(*next));
      lock.lock();
    } else if (kept_.empty()) {
      changed_.wait(lock);
    } else {
      changed_.wait_until(lock, kept_.front().until);
    }
  }
}

}  // namespace skiff::engine
