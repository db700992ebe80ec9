#include "net/http_server.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <unordered_map>

#include "base/log.h"
#include "base/strings.h"
#include "net/exchange.h"
#include "net/message_reader.h"
#include "net/peer.h"
#include "net/worker_threads.h"

namespace skiff::net {

namespace {

using SteadyClock = std::chrono::steady_clock;

// A thread that has answered waits this long for the next request before the connection is
// parked: a busy client is then served without changing threads.
constexpr int kLingerMs = 10;
constexpr int kStopGraceMs = 5000;
constexpr auto kHandshakeTime = std::chrono::seconds(10);
constexpr auto kRetryAccept = std::chrono::milliseconds(100);

// epoll keys: below kFirstConnection the listeners' indices, and these two.
constexpr uint64_t kStopKey = 1U << 20U;
constexpr uint64_t kWakeKey = kStopKey + 1;
constexpr uint64_t kFirstConnection = kStopKey + 2;

UniqueFd make_event() { return UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

void signal_event(int fd) {
  const uint64_t one = 1;
  // Fails only when the counter is full: it is readable then already.
  [[maybe_unused]] ssize_t n = ::write(fd, &one, sizeof one);
}

}  // namespace

struct HttpServer::Impl {
  enum class State { kParked, kActive, kHijacked };

  class Connection : public ConnectionOwner {
   public:
    Connection(Impl& s, uint64_t key, Peer p)
        : server(s), id(key), raw_fd(p.socket.get()), peer(std::move(p)) {}
    CancelToken watch_peer() override { return server.watch(*this); }
    void release() override { server.release(*this); }

    Impl& server;
    const uint64_t id;
    const int raw_fd;
    Peer peer;                      // its socket until the stream is made of it
    std::shared_ptr<void> counted;  // as its client's
    std::unique_ptr<Stream> stream;
    MessageReader reader{MessageReader::Role::kRequests};

    // Guarded by the server's mutex.
    State state = State::kParked;
    bool watched = false;
    SteadyClock::time_point idle_since = SteadyClock::now();
    std::optional<CancelSource> gone;
  };
  using ConnectionPtr = std::shared_ptr<Connection>;

  Impl(Handler h, ServerOptions o) : handler(std::move(h)), options(std::move(o)) {}

  Result<> prepare();
  void loop();
  void shut_down();
  void on_connection(uint64_t id, uint32_t events);
  void accept_from(int listener);
  void admit(Peer peer);
  bool client_has_room(const std::string& client);
  void set_accepting(bool on);
  void arm(const Connection& connection, uint32_t events) const;
  int tick_ms();
  void expire_idle();
  std::unordered_map<uint64_t, ConnectionPtr>::iterator oldest_idle(
      const std::string* client = nullptr);

  void serve(const ConnectionPtr& connection);
  bool establish(Connection& connection);
  bool more_at_hand(Connection& connection) const;
  void park(const ConnectionPtr& connection);
  void drop(Connection& connection);
  CancelToken watch(Connection& connection);
  void unwatch(Connection& connection);
  void release(Connection& connection);

  const Handler handler;
  const ServerOptions options;
  std::optional<TlsContext> tls;
  UniqueFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  UniqueFd stop_event = make_event();  // written once, never read: all waits see it
  UniqueFd wake_event = make_event();  // there may be room for new connections again
  std::vector<UniqueFd> listeners;
  bool accepting = false;                   // these two are the loop's thread's
  SteadyClock::time_point retry_accept_at;  // after descriptors or memory ran out
  uint64_t next_id = kFirstConnection;
  ClientCounts clients;

  std::mutex mutex;
  std::unordered_map<uint64_t, ConnectionPtr> connections;
  size_t open = 0;  // those not hijacked
  WorkerThreads workers;
};

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

void HttpServer::stop() { signal_event(impl_->stop_event.get()); }

Result<> HttpServer::Impl::prepare() {
  if (options.tls) tls.emplace(TRY(TlsContext::load(*options.tls)));
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
    expire_idle();
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
  auto eighth = std::chrono::milliseconds(options.idle_timeout) / 8;
  return static_cast<int>(std::clamp<int64_t>(eighth.count(), 50, 15'000));
}

void HttpServer::Impl::expire_idle() {
  auto limit = SteadyClock::now() - options.idle_timeout;
  std::scoped_lock lock(mutex);
  open -= std::erase_if(connections, [&](auto& item) {
    return item.second->state == State::kParked && item.second->idle_since < limit;
  });
}

// The parked connection (of `client`, if given) that has waited longest with nothing to read;
// called with the mutex held. One whose request is there already is about to be served, not idle.
std::unordered_map<uint64_t, HttpServer::Impl::ConnectionPtr>::iterator
HttpServer::Impl::oldest_idle(const std::string* client) {
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
  epoll_event event{.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data = {.u64 = id}};
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, raw, &event) != 0) return;
  connections.emplace(id, std::move(connection));
  ++open;
}

void HttpServer::Impl::on_connection(uint64_t id, uint32_t events) {
  ConnectionPtr connection;
  {
    std::scoped_lock lock(mutex);
    auto found = connections.find(id);
    if (found == connections.end()) return;
    connection = found->second;
    if (connection->state == State::kActive && connection->watched) connection->gone->cancel();
    if (connection->state != State::kParked) return;
    // A client may have sent a request and left: its handler shall know.
    char byte = 0;
    // NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection): MSG_DONTWAIT never blocks.
    const ssize_t left = ::recv(connection->raw_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (left == 0 || (left < 0 && (events & (EPOLLHUP | EPOLLERR)) != 0)) {
      connections.erase(found);
      --open;
      return;
    }
    connection->state = State::kActive;
  }
  workers.submit([this, connection] { serve(connection); });
}

void HttpServer::Impl::serve(const ConnectionPtr& connection) {
  Connection& c = *connection;
  if (!c.stream && !establish(c)) return drop(c);
  do {
    Exchange exchange(c.stream, c.reader, options, c);
    Exchange::End end = exchange.run(handler, c.peer.name);
    if (end != Exchange::End::kKeepAlive) return drop(c);
    unwatch(c);
  } while (more_at_hand(c));
  park(connection);
}

bool HttpServer::Impl::establish(Connection& c) {
  if (!tls) {
    c.stream = make_plain_stream(std::move(c.peer.socket));
    if (options.pace.stall.count() > 0) c.stream->set_write_limit(options.pace);
    return true;
  }
  auto stream = tls->accept(std::move(c.peer.socket), kHandshakeTime);
  if (!stream) {
    log_debug(cat(c.peer.name, ": ", stream.error().message()));
    return false;
  }
  c.stream = std::move(*stream);
  c.stream->set_write_limit(options.pace);
  return true;
}

bool HttpServer::Impl::more_at_hand(Connection& c) const {
  std::array<pollfd, 2> fds{{{.fd = c.raw_fd, .events = POLLIN, .revents = 0},
                             {.fd = stop_event.get(), .events = POLLIN, .revents = 0}}};
  bool buffered = c.reader.has_buffered() || c.stream->has_buffered();
  ::poll(fds.data(), fds.size(), buffered ? 0 : kLingerMs);
  bool stopping = fds[1].revents != 0;
  return !stopping && (buffered || fds[0].revents != 0);
}

void HttpServer::Impl::arm(const Connection& c, uint32_t events) const {
  epoll_event event{.events = events | EPOLLONESHOT, .data = {.u64 = c.id}};
  ::epoll_ctl(epoll.get(), EPOLL_CTL_MOD, c.raw_fd, &event);
}

void HttpServer::Impl::park(const ConnectionPtr& connection) {
  pollfd stop{.fd = stop_event.get(), .events = POLLIN, .revents = 0};
  if (::poll(&stop, 1, 0) > 0) return drop(*connection);
  std::scoped_lock lock(mutex);
  connection->state = State::kParked;
  connection->idle_since = SteadyClock::now();
  arm(*connection, EPOLLIN | EPOLLRDHUP);
  if (open >= options.max_connections) signal_event(wake_event.get());
}

void HttpServer::Impl::drop(Connection& c) {
  std::scoped_lock lock(mutex);
  if (c.state != State::kHijacked) --open;
  c.watched = false;
  // Its descriptor closes with the last reference, in serve(): epoll forgets it before.
  if (c.state != State::kHijacked) ::epoll_ctl(epoll.get(), EPOLL_CTL_DEL, c.raw_fd, nullptr);
  connections.erase(c.id);
  signal_event(wake_event.get());
}

CancelToken HttpServer::Impl::watch(Connection& c) {
  std::scoped_lock lock(mutex);
  if (!c.gone) c.gone.emplace();
  if (c.state == State::kActive && !c.watched) {
    c.watched = true;
    arm(c, EPOLLRDHUP);
  }
  pollfd stop{.fd = stop_event.get(), .events = POLLIN, .revents = 0};
  if (::poll(&stop, 1, 0) > 0) c.gone->cancel();
  return c.gone->token();
}

// Between requests: the next one starts with a token of its own.
void HttpServer::Impl::unwatch(Connection& c) {
  std::scoped_lock lock(mutex);
  c.gone.reset();
  if (!c.watched) return;
  c.watched = false;
  arm(c, 0);
}

void HttpServer::Impl::release(Connection& c) {
  std::scoped_lock lock(mutex);
  ::epoll_ctl(epoll.get(), EPOLL_CTL_DEL, c.raw_fd, nullptr);
  c.state = State::kHijacked;
  c.watched = false;
  --open;
  signal_event(wake_event.get());
}

}  // namespace skiff::net
