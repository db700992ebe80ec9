// The monitor's side of its socket: requests as they arrive, and clients that wait for an
// answer. Nothing here waits for a client. Thread-compatible.
#pragma once

#include <list>

#include "codec/json.h"
#include "runtime/monitor_loop.h"

namespace skiff::runtime {

// A connection with the request read from it.
struct Request {
  UniqueFd socket;
  json::Value asked;
  std::string early_input;  // what came behind the request's line
};

// Answers small enough for a new connection's buffer; false where a client got not all of it.
bool send_answer(int socket, const json::Value& answer);

class RequestListener {
 public:
  using Handler = std::function<void(Request request)>;

  RequestListener(EventLoop& loop, Handler handler) : loop_(loop), handler_(std::move(handler)) {}
  ~RequestListener() { close(); }
  RequestListener(const RequestListener&) = delete;
  RequestListener& operator=(const RequestListener&) = delete;

  // `socket` listens.
  Result<> open(UniqueFd socket);
  // A connection that did not come by way of the listening one. `on_gone`: it was closed before it
  // asked for anything.
  Result<> adopt(UniqueFd connection, std::function<void()> on_gone);
  void close();

 private:
  struct Connection {
    UniqueFd socket;
    std::string received;
    std::function<void()> on_gone;  // or none
  };
  void accept_one();
  void read_request(std::list<Connection>::iterator connection);
  void drop(std::list<Connection>::iterator connection);

  EventLoop& loop_;
  Handler handler_;
  UniqueFd socket_;
  std::list<Connection> connections_;
};

// Connections whose answer is still to come; those whose clients leave are forgotten.
class WaitingClients {
 public:
  explicit WaitingClients(EventLoop& loop) : loop_(loop) {}
  ~WaitingClients() { close_all(); }
  WaitingClients(const WaitingClients&) = delete;
  WaitingClients& operator=(const WaitingClients&) = delete;

  void add(UniqueFd socket);
  // Answers and keeps the connections of those who take it.
  void tell_all(const json::Value& answer);
  // Answers and closes them; whether anybody took it.
  bool answer_all(const json::Value& answer);
  void close_all();

 private:
  EventLoop& loop_;
  std::list<UniqueFd> sockets_;
};

}  // namespace skiff::runtime
