#include "runtime/monitor_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "base/strings.h"

namespace skiff::runtime {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Result<> EventLoop::open() {
  epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return Error::from_errno(errno, "make an epoll");
  return {};
}

Result<> EventLoop::add(int fd, uint32_t events, Handler handler) {
  auto watch = std::make_shared<Watch>(Watch{std::move(handler), next_generation_++, events});
  if (!control(EPOLL_CTL_ADD, fd, *watch)) {
    return Error::from_errno(errno, cat("watch descriptor ", fd));
  }
  watches_[fd] = std::move(watch);
  return {};
}

void EventLoop::change(int fd, uint32_t events) {
  auto found = watches_.find(fd);
  if (found == watches_.end()) return;
  Watch& watch = *found->second;
  if (watch.events == events && !watch.suspended) return;
  watch.events = events;
  control(watch.suspended ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, watch);
  watch.suspended = false;
}

void EventLoop::suspend(int fd) {
  auto found = watches_.find(fd);
  if (found == watches_.end() || found->second->suspended) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  found->second->suspended = true;
}

void EventLoop::remove(int fd) {
  if (watches_.erase(fd) > 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

uint64_t EventLoop::call_after(milliseconds delay, std::function<void()> action) {
  calls_[next_call_] = {steady_clock::now() + delay, std::move(action)};
  return next_call_++;
}

void EventLoop::cancel_call(uint64_t id) { calls_.erase(id); }

void EventLoop::run() {
  while (!stopped_) {
    std::array<epoll_event, 16> events;
    int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), wait_ms());
    for (int i = 0; i < count && !stopped_; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      dispatch(event.data.u64, event.events);
    }
    run_due_calls();
  }
  stopped_ = false;
}

int EventLoop::wait_ms() const {
  if (calls_.empty()) return -1;
  SteadyTime first = SteadyTime::max();
  for (const auto& [id, call] : calls_) first = std::min(first, call.first);
  auto left = std::chrono::ceil<milliseconds>(first - steady_clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 60'000));
}

bool EventLoop::control(int operation, int fd, const Watch& watch) const {
  epoll_event event{};
  event.events = watch.events;
  event.data.u64 = uint64_t{watch.generation} << 32U | static_cast<uint32_t>(fd);
  return ::epoll_ctl(epoll_.get(), operation, fd, &event) == 0;
}

void EventLoop::dispatch(uint64_t key, uint32_t events) {
  auto found = watches_.find(static_cast<int>(key & 0xffffffffU));
  // An earlier handler of the same round may have removed it, or put another in its place.
  if (found == watches_.end() || found->second->generation != key >> 32U) return;
  if (found->second->suspended) return;
  std::shared_ptr<Watch> kept = found->second;
  kept->handler(events);
}

void EventLoop::run_due_calls() {
  const SteadyTime now = steady_clock::now();
  std::vector<uint64_t> due;
  for (const auto& [id, call] : calls_) {
    if (call.first <= now) due.push_back(id);
  }
  for (uint64_t id : due) {
    auto call = calls_.extract(id);
    if (!call.empty()) call.mapped().second();
  }
}

}  // namespace skiff::runtime
