// ProcessIo: its clients, and the end of its process.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "runtime/monitor_io.h"
#include "sys/pty.h"

namespace skiff::runtime {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

namespace {

constexpr size_t kInputChunk = 16 << 10;
// Docker's: how long an ended process's output is waited for while others hold it open.
constexpr seconds kQuietAfterEnd{2};
constexpr seconds kLongestAfterEnd{10};
constexpr int kSystemError = 3;  // the stream number whose text makes Docker's clients fail

bool hung_up(int socket) {
  pollfd polled{socket, 0, 0};
  return ::poll(&polled, 1, 0) > 0 && (polled.revents & (POLLHUP | POLLERR)) != 0;
}

// Closing with input unread would look like a broken connection to the client.
void hang_up(int socket) {
  ::shutdown(socket, SHUT_WR);
  std::array<char, kInputChunk> dropped;
  while (::recv(socket, dropped.data(), dropped.size(), MSG_DONTWAIT) > 0) continue;
}

void tell_cut_off(int socket, bool terminal) {
  constexpr std::string_view kText = "output lost: the client did not read it\n";
  std::string notice = terminal ? std::string(kText) : make_output_frame(kSystemError, kText);
  // Its queue has just become empty, so there is room; a client that is gone needs no words.
  [[maybe_unused]] ssize_t sent =
      ::send(socket, notice.data(), notice.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

void ProcessIo::add_client(UniqueFd socket, const IoClient& client) {
  Client& added = clients_.emplace_back(std::move(socket), options_.overflow_dir);
  added.wants_stdin = client.wants_stdin;
  added.reading = client.wants_stdin && options_.open_stdin;
  added.progress = steady_clock::now();
  auto handler = [this, &added](uint32_t events) { on_client(added, events); };
  if (!loop_.add(added.socket.get(), 0, handler)) {
    let_go(added);
  } else {
    added.queue.append(client.greeting);
    if (added.reading) input_.write(client.early_input);
    send_queued(added);
  }
  sweep();
}

void ProcessIo::on_client(Client& client, uint32_t events) {
  constexpr uint32_t kGone = EPOLLHUP | EPOLLERR;
  if ((events & EPOLLOUT) != 0) send_queued(client);
  if (client.reading) {
    if ((events & (EPOLLIN | kGone)) != 0) read_input(client);
  } else if ((events & kGone) != 0) {
    let_go(client);
  }
  regulate();
  sweep();
}

void ProcessIo::read_input(Client& client) {
  if (input_.has_space() || !input_.is_open()) {
    std::array<char, kInputChunk> buffer;
    ssize_t n = ::recv(client.socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n > 0) {
      input_.write({buffer.data(), static_cast<size_t>(n)});
    } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
      input_ended(client);
    }
  }
  settle(client);
}

void ProcessIo::input_ended(Client& client) {
  client.reading = false;
  if (hung_up(client.socket.get())) {
    let_go(client);
  } else if (!options_.terminal) {
    input_.end();
  }
}

void ProcessIo::fan_out(std::string_view frame, std::string_view bytes) {
  for (Client& client : clients_) {
    if (client.gone || client.deaf || client.queue.overflowed()) continue;
    std::string_view rest = options_.terminal ? bytes : frame;
    if (client.queue.empty()) {
      client.progress = steady_clock::now();
      ssize_t n =
          ::send(client.socket.get(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n > 0) rest.remove_prefix(static_cast<size_t>(n));
      if (n < 0 && errno != EAGAIN && errno != EINTR) {
        stop_output(client);
        continue;
      }
    }
    client.queue.append(rest);
    settle(client);
  }
  regulate();
  sweep();
}

void ProcessIo::send_queued(Client& client) {
  Result<size_t> sent = client.queue.send_to(client.socket.get());
  if (!sent) {
    stop_output(client);
    return;
  }
  if (*sent > 0) client.progress = steady_clock::now();
  if (client.queue.empty() && client.queue.overflowed()) {
    tell_cut_off(client.socket.get(), options_.terminal);
    let_go(client);
  } else if (client.queue.empty() && finished_) {
    let_go(client);
  }
  settle(client);
}

// The client takes no more; what it has sent before that is still input.
void ProcessIo::stop_output(Client& client) {
  client.deaf = true;
  client.queue = OutputQueue(options_.overflow_dir);
  if (!client.reading) let_go(client);
  settle(client);
}

// Asks epoll for what can be served now.
void ProcessIo::settle(Client& client) {
  if (client.gone) return;
  const bool sending = !client.queue.empty();
  const bool blocked = client.reading && input_.is_open() && !input_.has_space();
  if (blocked && !sending) {
    loop_.suspend(client.socket.get());
    return;
  }
  uint32_t events = sending ? uint32_t{EPOLLOUT} : 0U;
  if (client.reading && !blocked) events |= EPOLLIN;
  loop_.change(client.socket.get(), events);
}

void ProcessIo::let_go(Client& client) {
  if (client.gone) return;
  client.gone = true;
  if (client.wants_stdin && options_.stdin_ends_with_client && !options_.terminal) input_.end();
}

// Ends the clients that were let go. It comes last in a handler: the callback may lead far.
void ProcessIo::sweep() {
  size_t before = clients_.size();
  clients_.remove_if([this](Client& client) {
    if (!client.gone) return false;
    loop_.remove(client.socket.get());
    hang_up(client.socket.get());
    return true;
  });
  if (clients_.size() < before) callbacks_.on_client_gone();
}

// Holds the process's output up while a client that still reads has enough waiting for it.
void ProcessIo::regulate() {
  loop_.cancel_call(regulate_call_);
  const SteadyTime now = steady_clock::now();
  bool hold = false;
  std::optional<SteadyTime> until;
  for (const Client& client : clients_) {
    if (ended_ || client.gone || client.queue.overflowed() || !client.queue.memory_full()) continue;
    if (!options_.patience) {
      hold = true;
    } else if (SteadyTime end = client.progress + *options_.patience; end > now) {
      hold = true;
      until = std::min(end, until.value_or(end));
    }
  }
  for (const Output& output : outputs_) {
    if (!output.fd) continue;
    if (hold) {
      loop_.suspend(output.fd.get());
    } else {
      loop_.change(output.fd.get(), EPOLLIN);
    }
  }
  if (!hold || !until) return;
  regulate_call_ =
      loop_.call_after(std::chrono::ceil<milliseconds>(*until - now), [this] { regulate(); });
}

Result<> ProcessIo::resize(int height, int width) {
  if (!options_.terminal || outputs_.empty() || !outputs_.front().fd) return {};
  return sys::resize_terminal(outputs_.front().fd.get(), height, width);
}

void ProcessIo::process_ended() {
  ended_ = last_output_ = steady_clock::now();
  terminal_end_.reset();
  input_.close();
  for (Client& client : clients_) settle(client);
  regulate();
  drain_call_ = loop_.call_after(kQuietAfterEnd, [this] { check_drain(); });
  end_if_drained();
}

// Output that others still hold open: descendants elsewhere, a descriptor passed on.
void ProcessIo::check_drain() {
  const SteadyTime now = steady_clock::now();
  if (now - last_output_ < kQuietAfterEnd && now - *ended_ < kLongestAfterEnd) {
    drain_call_ = loop_.call_after(kQuietAfterEnd, [this] { check_drain(); });
    return;
  }
  for (Output& output : outputs_) {
    if (output.fd) loop_.remove(output.fd.get());
    output.fd.reset();
  }
  end_if_drained();
}

void ProcessIo::finish() {
  finished_ = true;
  for (Client& client : clients_) {
    if (client.queue.empty()) let_go(client);
  }
  sweep();
}

}  // namespace skiff::runtime
