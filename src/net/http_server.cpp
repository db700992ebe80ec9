#include "net/http_server.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/log.h"
#include "net/http_server_impl.h"

namespace skiff::net {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kStopGraceMs = 5000;
constexpr auto kRetryAccept = std::chrono::milliseconds(100);

// epoll keys: below kFirstConnection the listeners' indices, and these two.
constexpr uint64_t kStopKey = 1U << 20U;
constexpr uint64_t kWakeKey = kStopKey + 1;
constexpr uint64_t kFirstConnection = kStopKey + 2;

}  // namespace

UniqueFd make_event() { return UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

void signal_event(int fd) {
  const uint64_t one = 1;
  // Fails only when the counter is full: it is readable then already.
  [[maybe_unused]] ssize_t n = ::write(fd, &one, sizeof one);
}

HttpServer::HttpServer(Handler handler, ServerOptions options)
    : impl_(std::make_unique<Impl>(std::move(handler), std::move(options))) {}

HttpServer::~HttpServer() = default;

Result<> HttpServer::listen(UniqueFd listening_socket) {
  int flags = ::fcntl(listening_socket.get(), F_GETFL);
  if (flags < 0 || ::fcntl(listening_socket.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return Error::from_errno(errno, "prepare the listening socket");
  }
  impl_->listeners.push_back(std::move(listening_socket));
  return {};
}

Result<> HttpServer::run() {
  TRY(impl_->prepare());
  impl_->loop();
  impl_->shut_down();
  return {};
}

Result<> HttpServer::reload_certificate() {
  LiveTls* tls = nullptr;
  {
    std::scoped_lock lock(impl_->mutex);
    tls = impl_->tls.get();
  }
  if (tls == nullptr) return {};
  return tls->reload();
}

void HttpServer::stop() { signal_event(impl_->stop_event.get()); }

Result<> HttpServer::Impl::prepare() {
  if (options.tls) {
    auto loaded = TRY(LiveTls::load(*options.tls));
    std::scoped_lock lock(mutex);
    tls = std::move(loaded);
  }
  next_id = kFirstConnection;
  auto add = [&](int fd, uint64_t key, uint32_t events) -> Result<> {
    epoll_event event{.events = events, .data = {.u64 = key}};
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) == 0) return {};
    return Error::from_errno(errno, "watch the listening sockets");
  };
  TRY(add(stop_event.get(), kStopKey, EPOLLIN));
  TRY(add(wake_event.get(), kWakeKey, EPOLLIN));
  for (size_t i = 0; i < listeners.size(); ++i) TRY(add(listeners[i].get(), i, 0));
  set_accepting(true);
  return {};
}

void HttpServer::Impl::loop() {
  std::array<epoll_event, 64> events;
  for (;;) {
    int n = ::epoll_wait(epoll.get(), events.data(), events.size(), tick_ms());
    for (int i = 0; i < n; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      uint64_t key = event.data.u64;
      if (key == kStopKey) return;
      if (key == kWakeKey) {
        uint64_t count = 0;
        [[maybe_unused]] ssize_t got = ::read(wake_event.get(), &count, sizeof count);
      } else if (key < kStopKey) {
        accept_from(listeners[key].get());
      } else {
        on_connection(key, event.events);
      }
    }
    expire();
    std::scoped_lock lock(mutex);
    if (!accepting && SteadyClock::now() >= retry_accept_at &&
        (open < options.max_connections || oldest_idle() != connections.end())) {
      set_accepting(true);
    }
  }
}

void HttpServer::Impl::shut_down() {
  listeners.clear();
  {
    std::scoped_lock lock(mutex);
    std::erase_if(connections, [&](auto& item) {
      Connection& connection = *item.second;
      if (connection.gone) connection.gone->cancel();
      bool parked = connection.state == State::kParked;
      if (parked) --open;
      return parked;
    });
  }
  if (workers.wait_idle(kStopGraceMs)) return;
  {
    std::scoped_lock lock(mutex);
    for (auto& [id, connection] : connections) {
      if (connection->state == State::kActive) ::shutdown(connection->raw_fd, SHUT_RDWR);
    }
  }
  workers.wait_idle(-1);
}

int HttpServer::Impl::tick_ms() {
  if (!accepting) return kRetryAccept.count();
  std::scoped_lock lock(mutex);
  if (connections.empty()) return -1;
  auto eighth = options.idle_timeout / 8;
  if (options.quick || options.tls) eighth = std::min(eighth, options.header_timeout / 8);
  return static_cast<int>(std::clamp<int64_t>(eighth.count(), 50, 15'000));
}

// Closes connections that are idle for too long, and has those refused whose head is.
void HttpServer::Impl::expire() {
  const auto now = SteadyClock::now();
  if (now < expire_at) return;
  expire_at = now + std::chrono::milliseconds(std::max(tick_ms(), 0));
  std::vector<ConnectionPtr> within_head;
  {
    std::scoped_lock lock(mutex);
    open -= std::erase_if(connections, [&](auto& item) {
      Connection& c = *item.second;
      if (c.state != State::kParked) return false;
      if (!c.head_since) return c.idle_since < now - options.idle_timeout;
      if (*c.head_since > now - options.header_timeout) return false;
      if (!c.established) return true;
      c.state = State::kActive;
      within_head.push_back(item.second);
      return false;
    });
  }
  for (ConnectionPtr& connection : within_head) {
    connection->current_exchange().give_up_waiting();
    submit(std::move(connection));
  }
}

// The parked connection (of `client`, if given) that has waited longest with nothing to read;
// called with the mutex held. One whose request is there already is about to be served, not idle.
HttpServer::Impl::Connections::iterator HttpServer::Impl::oldest_idle(const std::string* client) {
  auto oldest = connections.end();
  for (auto it = connections.begin(); it != connections.end(); ++it) {
    const Connection& c = *it->second;
    if (c.state != State::kParked || (client != nullptr && c.peer.client != *client)) continue;
    if (oldest != connections.end() && oldest->second->idle_since <= c.idle_since) continue;
    char byte = 0;
    // NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection): MSG_DONTWAIT never blocks.
    if (::recv(c.raw_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) oldest = it;
  }
  return oldest;
}

void HttpServer::Impl::set_accepting(bool on) {
  accepting = on;
  for (size_t i = 0; i < listeners.size(); ++i) {
    epoll_event event{.events = on ? uint32_t{EPOLLIN} : 0U, .data = {.u64 = i}};
    ::epoll_ctl(epoll.get(), EPOLL_CTL_MOD, listeners[i].get(), &event);
  }
}

void HttpServer::Impl::accept_from(int listener) {
  for (;;) {
    std::scoped_lock lock(mutex);
    const bool full = open >= options.max_connections;
    const auto idle = full ? oldest_idle() : connections.end();
    if (full && idle == connections.end()) return set_accepting(false);
    const uint64_t to_make_room = full ? idle->first : 0;
    Peer peer = accept_peer(listener, options);
    if (!peer.socket) {
      // Out of descriptors or memory: pause, or epoll would report it without end.
      bool exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
      if (exhausted) {
        log_warn(Error::from_errno(errno, "accept a connection").message());
        set_accepting(false);
        retry_accept_at = SteadyClock::now() + kRetryAccept;
      }
      return;
    }
    if (!client_has_room(peer.client)) continue;
    if (open >= options.max_connections) open -= connections.erase(to_make_room);
    admit(std::move(peer));
  }
}

// Called with the mutex held, as admit() is.
bool HttpServer::Impl::client_has_room(const std::string& client) {
  const size_t limit = options.max_connections_per_client;
  if (limit == 0 || client.empty() || clients.of(client) < limit) return true;
  const auto idle = oldest_idle(&client);
  if (idle == connections.end()) return false;
  connections.erase(idle);
  --open;
  return true;
}

void HttpServer::Impl::admit(Peer peer) {
  int raw = peer.socket.get();
  uint64_t id = next_id++;
  auto connection = std::make_shared<Connection>(*this, id, std::move(peer));
  if (options.max_connections_per_client > 0) {
    connection->counted = clients.add(connection->peer.client);
  }
  epoll_event event{.events = parked_events(), .data = {.u64 = id}};
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, raw, &event) != 0) return;
  connections.emplace(id, std::move(connection));
  ++open;
}

}  // namespace skiff::net
