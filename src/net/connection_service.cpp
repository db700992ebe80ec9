// The life of a connection between its admission and its end.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "base/log.h"
#include "base/strings.h"
#include "net/http_server_impl.h"

namespace skiff::net {

namespace {

// A thread that has answered waits this long for the next request before the connection is
// parked: a busy client is then served without changing threads.
constexpr int kLingerMs = 10;
// Of a peer in a TLS handshake.
constexpr int kFlights = 3;
// Requests that were sent at once and that the loop answers in one go.
constexpr int kQuickInARow = 16;

}  // namespace

Exchange& HttpServer::Impl::Connection::current_exchange() {
  if (!exchange) {
    exchange = std::make_unique<Exchange>(stream, reader, server.options, peer.name, *this);
  }
  return *exchange;
}

// Those of the loop's own reading stay armed while it reads; others are one thread's at a time.
uint32_t HttpServer::Impl::parked_events() const {
  const uint32_t events = EPOLLIN | EPOLLRDHUP;
  return options.quick ? events : events | EPOLLONESHOT;
}

void HttpServer::Impl::on_connection(uint64_t id, uint32_t events) {
  ConnectionPtr connection = take_ready(id, events);
  if (!connection || (options.quick && serve_now(*connection))) return;
  submit(std::move(connection));
}

// The connection, made active, if it is one that a request may be read from.
HttpServer::Impl::ConnectionPtr HttpServer::Impl::take_ready(uint64_t id, uint32_t events) {
  std::scoped_lock lock(mutex);
  const auto found = connections.find(id);
  if (found == connections.end()) return nullptr;
  Connection& c = *found->second;
  if (c.state == State::kActive && c.watched) c.gone->cancel();
  if (c.state != State::kParked) return nullptr;
  // A client may have sent a request and left: its handler shall know.
  char byte = 0;
  // NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection): MSG_DONTWAIT never blocks.
  const auto peek = [&] { return ::recv(c.raw_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT); };
  const bool hung_up = (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0;
  const ssize_t left = hung_up || !options.quick ? peek() : 1;
  if (left == 0 || (left < 0 && (events & (EPOLLHUP | EPOLLERR)) != 0)) {
    connections.erase(found);
    --open;
    return nullptr;
  }
  c.state = State::kActive;
  return found->second;
}

// On the loop's thread: reads the head that has come and answers a quick request. False when a
// worker has to go on.
bool HttpServer::Impl::serve_now(Connection& c) {
  // A handshake takes a processor's time.
  if (!c.established && (tls || establish(c) != Handshake::kDone)) return false;
  for (int i = 0; i < kQuickInARow; ++i) {
    switch (c.current_exchange().receive_now()) {
      case Exchange::Arrival::kNothing:
        rest(c);
        return true;
      case Exchange::Arrival::kGone:
        drop(c);
        return true;
      case Exchange::Arrival::kRequest:
        if (answer_now(c)) break;
        return false;
      default:
        return false;
    }
    if (c.reader.has_buffered() || c.stream->has_buffered()) continue;
    rest(c);
    return true;
  }
  return false;
}

bool HttpServer::Impl::answer_now(Connection& c) {
  const Request& request = c.exchange->request();
  if (!c.reader.body_finished() || !options.quick(request)) return false;
  if (!c.exchange->answer_now(handler)) return false;
  c.exchange.reset();
  if (c.gone) {
    unwatch(c);
    arm_parked(c);
  }
  return true;
}

// Back to waiting, still armed.
void HttpServer::Impl::rest(Connection& c) {
  std::scoped_lock lock(mutex);
  settle(c);
}

// Called with the mutex held.
void HttpServer::Impl::settle(Connection& c) {
  c.state = State::kParked;
  if (c.established && !c.reader.within_head()) {
    c.idle_since = SteadyClock::now();
    c.head_since.reset();
  } else if (!c.head_since) {
    c.head_since = SteadyClock::now();
  }
}

void HttpServer::Impl::submit(ConnectionPtr connection) {
  {
    std::scoped_lock lock(mutex);
    if (connection->established) connection->head_since.reset();
    if (options.quick) arm(*connection, connection->watched ? uint32_t{EPOLLRDHUP} : 0U);
  }
  workers.submit([this, connection = std::move(connection)] { serve(connection); });
}

void HttpServer::Impl::serve(const ConnectionPtr& connection) {
  Connection& c = *connection;
  if (!c.established) {
    const Handshake made = establish(c);
    if (made == Handshake::kFailed) return drop(c);
    if (made == Handshake::kWaits) return park(connection);
  }
  do {
    if (lacks_head(c)) break;
    const Exchange::End end = c.current_exchange().run(handler);
    c.exchange.reset();
    if (end != Exchange::End::kKeepAlive) return drop(c);
    unwatch(c);
  } while (more_at_hand(c));
  park(connection);
}

// Whether no worker is needed yet, since the loop waits for the rest of the head.
bool HttpServer::Impl::lacks_head(Connection& c) const {
  return options.quick && c.current_exchange().receive_now() == Exchange::Arrival::kNothing;
}

// A TLS connection waits for its peer's part of the handshake as for a head: parked.
HttpServer::Impl::Handshake HttpServer::Impl::establish(Connection& c) {
  if (!tls) {
    c.stream = make_plain_stream(std::move(c.peer.socket));
    if (options.pace.stall.count() > 0) c.stream->set_write_limit(options.pace);
    c.established = true;
    return Handshake::kDone;
  }
  if (!c.stream) {
    Result<std::unique_ptr<Stream>> stream = tls->current()->accept(c.peer.socket);
    if (!stream) return Handshake::kFailed;
    c.stream = std::move(*stream);
    c.stream->set_write_limit(options.pace);
  }
  const Handshake made = shake_hands(c);
  if (made != Handshake::kDone) return made;
  c.established = true;
  std::scoped_lock lock(mutex);
  c.head_since.reset();
  return made;
}

// Where it fails the stream stays, and its socket open, until drop() has taken that out of epoll: a
// new connection may get its number at once.
HttpServer::Impl::Handshake HttpServer::Impl::shake_hands(Connection& c) {
  for (int i = 0; i < kFlights; ++i) {
    const Result<bool> done = c.stream->shake_hands();
    if (!done) {
      log_debug(cat(c.peer.name, ": ", done.error().message()));
      return Handshake::kFailed;
    }
    if (*done) return Handshake::kDone;
    pollfd answer{.fd = c.raw_fd, .events = POLLIN, .revents = 0};
    if (::poll(&answer, 1, kLingerMs) <= 0) break;
  }
  return Handshake::kWaits;
}

bool HttpServer::Impl::more_at_hand(Connection& c) const {
  std::array<pollfd, 2> fds{{{.fd = c.raw_fd, .events = POLLIN, .revents = 0},
                             {.fd = stop_event.get(), .events = POLLIN, .revents = 0}}};
  bool buffered = c.reader.has_buffered() || c.stream->has_buffered();
  ::poll(fds.data(), fds.size(), buffered ? 0 : kLingerMs);
  bool stopping = fds[1].revents != 0;
  return !stopping && (buffered || fds[0].revents != 0);
}

// For one event, then none until armed again.
void HttpServer::Impl::arm(const Connection& c, uint32_t events) const {
  epoll_event event{.events = events | EPOLLONESHOT, .data = {.u64 = c.id}};
  ::epoll_ctl(epoll.get(), EPOLL_CTL_MOD, c.raw_fd, &event);
}

void HttpServer::Impl::arm_parked(const Connection& c) const {
  epoll_event event{.events = parked_events(), .data = {.u64 = c.id}};
  ::epoll_ctl(epoll.get(), EPOLL_CTL_MOD, c.raw_fd, &event);
}

void HttpServer::Impl::park(const ConnectionPtr& connection) {
  pollfd stop{.fd = stop_event.get(), .events = POLLIN, .revents = 0};
  if (::poll(&stop, 1, 0) > 0) return drop(*connection);
  std::scoped_lock lock(mutex);
  settle(*connection);
  arm_parked(*connection);
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
