// The inside of HttpServer: its connections and the thread that accepts, parks and, where
// ServerOptions::quick is set, reads heads. http_server.cpp has the life of the server,
// connection_service.cpp that of a connection.
//
// A connection is parked (the loop's), active (a worker's, or for a moment the loop's), or
// hijacked.
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "net/exchange.h"
#include "net/http_server.h"
#include "net/live_tls.h"
#include "net/message_reader.h"
#include "net/peer.h"
#include "net/worker_threads.h"

namespace skiff::net {

UniqueFd make_event();
void signal_event(int fd);

struct HttpServer::Impl {
  using SteadyClock = std::chrono::steady_clock;
  enum class State { kParked, kActive, kHijacked };

  class Connection : public ConnectionOwner {
   public:
    Connection(Impl& s, uint64_t key, Peer p)
        : server(s), id(key), raw_fd(p.socket.get()), peer(std::move(p)) {}
    CancelToken watch_peer() override { return server.watch(*this); }
    void release() override { server.release(*this); }
    Exchange& current_exchange();

    Impl& server;
    const uint64_t id;
    const int raw_fd;
    Peer peer;                      // its socket until the stream is made of it
    std::shared_ptr<void> counted;  // as its client's
    std::unique_ptr<Stream> stream;
    bool established = false;  // hands are shaken: the stream may be read from
    MessageReader reader{MessageReader::Role::kRequests};
    std::unique_ptr<Exchange> exchange;  // one that has begun; uses stream and reader

    // Guarded by the server's mutex.
    State state = State::kParked;
    bool watched = false;
    SteadyClock::time_point idle_since = SteadyClock::now();
    // Parked within a handshake or a head, and since when that has been coming.
    std::optional<SteadyClock::time_point> head_since;
    std::optional<CancelSource> gone;
  };
  using ConnectionPtr = std::shared_ptr<Connection>;
  using Connections = std::unordered_map<uint64_t, ConnectionPtr>;

  Impl(Handler h, ServerOptions o) : handler(std::move(h)), options(std::move(o)) {}

  // http_server.cpp
  Result<> prepare();
  void loop();
  void shut_down();
  void accept_from(int listener);
  void admit(Peer peer);
  bool client_has_room(const std::string& client);
  void set_accepting(bool on);
  int tick_ms();
  void expire();
  Connections::iterator oldest_idle(const std::string* client = nullptr);

  // connection_service.cpp
  void on_connection(uint64_t id, uint32_t events);
  ConnectionPtr take_ready(uint64_t id, uint32_t events);
  bool serve_now(Connection& connection);
  bool answer_now(Connection& connection);
  void rest(Connection& connection);
  static void settle(Connection& connection);
  bool lacks_head(Connection& connection) const;
  void submit(ConnectionPtr connection);
  void serve(const ConnectionPtr& connection);
  enum class Handshake { kDone, kWaits, kFailed };
  Handshake establish(Connection& connection);
  static Handshake shake_hands(Connection& connection);
  bool more_at_hand(Connection& connection) const;
  void park(const ConnectionPtr& connection);
  void drop(Connection& connection);
  CancelToken watch(Connection& connection);
  void unwatch(Connection& connection);
  void release(Connection& connection);
  void arm(const Connection& connection, uint32_t events) const;
  void arm_parked(const Connection& connection) const;
  uint32_t parked_events() const;

  const Handler handler;
  const ServerOptions options;
  std::unique_ptr<LiveTls> tls;  // set once, under the mutex
  UniqueFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  UniqueFd stop_event = make_event();  // written once, never read: all waits see it
  UniqueFd wake_event = make_event();  // there may be room for new connections again
  std::vector<UniqueFd> listeners;
  bool accepting = false;                   // these four are the loop's thread's
  SteadyClock::time_point retry_accept_at;  // after descriptors or memory ran out
  SteadyClock::time_point expire_at;
  uint64_t next_id = 0;
  ClientCounts clients;

  std::mutex mutex;
  Connections connections;
  size_t open = 0;  // those not hijacked
  WorkerThreads workers;
};

}  // namespace skiff::net
