#include "runtime/monitor_requests.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "runtime/monitor_protocol.h"

namespace skiff::runtime {

bool send_answer(int socket, const json::Value& answer) {
  std::string text = answer.dump() + "\n";
  ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent == static_cast<ssize_t>(text.size());
}

Result<> RequestListener::open(UniqueFd socket) {
  TRY(loop_.add(socket.get(), EPOLLIN, [this](uint32_t) { accept_one(); }));
  socket_ = std::move(socket);
  return {};
}

void RequestListener::close() {
  for (const Connection& connection : connections_) loop_.remove(connection.socket.get());
  connections_.clear();
  if (socket_) loop_.remove(socket_.get());
  socket_.reset();
}

void RequestListener::accept_one() {
  UniqueFd socket(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket) return;
  [[maybe_unused]] auto added = adopt(std::move(socket), {});
}

Result<> RequestListener::adopt(UniqueFd socket, std::function<void()> on_gone) {
  auto connection =
      connections_.insert(connections_.end(), {std::move(socket), {}, std::move(on_gone)});
  auto handler = [this, connection](uint32_t) { read_request(connection); };
  Result<> added = loop_.add(connection->socket.get(), EPOLLIN, handler);
  if (!added) connections_.erase(connection);
  return added;
}

void RequestListener::read_request(std::list<Connection>::iterator connection) {
  std::array<char, 4096> buffer;
  ssize_t n = ::recv(connection->socket.get(), buffer.data(), buffer.size(), 0);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (n <= 0) {
    drop(connection);
    return;
  }
  std::string& received = connection->received;
  size_t searched = received.size();
  received.append(buffer.data(), static_cast<size_t>(n));
  size_t end = received.find('\n', searched);
  if (end == std::string::npos) {
    if (received.size() > kLongestLine) drop(connection);
    return;
  }
  Result<json::Value> asked = json::parse(std::string_view(received).substr(0, end));
  Request request{std::move(connection->socket), {}, received.substr(end + 1)};
  loop_.remove(request.socket.get());
  connections_.erase(connection);
  if (asked) {
    request.asked = std::move(*asked);
    handler_(std::move(request));
  } else {
    send_answer(request.socket.get(), error_answer(asked.error()));
  }
}

void RequestListener::drop(std::list<Connection>::iterator connection) {
  loop_.remove(connection->socket.get());
  const std::function<void()> on_gone = std::move(connection->on_gone);
  connections_.erase(connection);
  if (on_gone) on_gone();
}

void WaitingClients::add(UniqueFd socket) {
  auto place = sockets_.insert(sockets_.end(), std::move(socket));
  auto leave = [this, place](uint32_t) {
    loop_.remove(place->get());
    sockets_.erase(place);
  };
  if (!loop_.add(place->get(), 0, leave)) sockets_.erase(place);
}

void WaitingClients::tell_all(const json::Value& answer) {
  sockets_.remove_if([&](const UniqueFd& socket) {
    if (send_answer(socket.get(), answer)) return false;
    loop_.remove(socket.get());
    return true;
  });
}

bool WaitingClients::answer_all(const json::Value& answer) {
  tell_all(answer);
  const bool taken = !sockets_.empty();
  close_all();
  return taken;
}

void WaitingClients::close_all() {
  for (const UniqueFd& socket : sockets_) loop_.remove(socket.get());
  sockets_.clear();
}

}  // namespace skiff::runtime
