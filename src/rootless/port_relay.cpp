#include "rootless/port_relay.h"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <ctime>

#include "rootless/tcp_relay.h"
#include "rootless/udp_relay.h"

namespace skiff::rootless {

namespace {

constexpr int kTickMilliseconds = 1000;

int64_t now_milliseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace

Result<PortRelay> PortRelay::make() {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return Error::from_errno(errno, "make an epoll");
  return PortRelay(std::move(epoll));
}

Result<> PortRelay::lead(const HostPort& port, UniqueFd host_socket, const sockaddr_in& target) {
  drop(port);
  const int fd = host_socket.get();
  std::unique_ptr<Relayed> listener = port.tcp
                                          ? make_tcp_port(*this, std::move(host_socket), target)
                                          : make_udp_port(*this, std::move(host_socket), target);
  ports_[port] = TRY(add(std::move(listener), {fd}));
  return {};
}

void PortRelay::drop(const HostPort& port) {
  const auto found = ports_.find(port);
  if (found == ports_.end()) return;
  relayed_.erase(found->second);
  ports_.erase(found);
}

Result<uint64_t> PortRelay::add(std::unique_ptr<Relayed> relayed, std::initializer_list<int> fds) {
  const uint64_t id = ++last_id_;
  for (const int fd : fds) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u64 = id;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
      return Error::from_errno(errno, "wait for a socket");
    }
  }
  relayed_[id] = std::move(relayed);
  return id;
}

Relayed* PortRelay::find(uint64_t id) const {
  const auto found = relayed_.find(id);
  return found == relayed_.end() ? nullptr : found->second.get();
}

int PortRelay::patience() const {
  if (!go_on_.empty()) return 0;
  for (const auto& [id, relayed] : relayed_) {
    if (relayed->wants_ticks()) return kTickMilliseconds;
  }
  return -1;
}

void PortRelay::serve(uint64_t id) {
  Relayed* relayed = find(id);
  if (relayed == nullptr) return;
  const Relayed::Next next = relayed->on_ready();
  if (next == Relayed::Next::kGoOn) go_on_.push_back(id);
  if (next == Relayed::Next::kEnd) relayed_.erase(id);
}

void PortRelay::tick() {
  const int64_t now = now_milliseconds();
  if (now - ticked_ < kTickMilliseconds) return;
  ticked_ = now;
  std::erase_if(relayed_,
                [](const auto& each) { return each.second->on_tick() == Relayed::Next::kEnd; });
}

void PortRelay::turn() {
  tick();
  const std::deque<uint64_t> waiting = std::exchange(go_on_, {});
  for (const uint64_t id : waiting) serve(id);
  std::array<epoll_event, 64> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), 0);
  for (int i = 0; i < count; ++i) serve(events.at(static_cast<size_t>(i)).data.u64);
}

}  // namespace skiff::rootless
