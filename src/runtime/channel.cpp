#include "runtime/channel.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>

#include "base/strings.h"
#include "runtime/diagnostics.h"
#include "sys/unix_socket.h"

namespace skiff::runtime {

namespace {

constexpr size_t kMessageLimit = size_t{60} << 10U;

}  // namespace

Result<Channel::Ends> Channel::make() {
  auto [creator, process] = TRY(sys::socket_pair(SOCK_SEQPACKET));
  return Ends{Channel(std::move(creator)), Channel(std::move(process))};
}

Result<> Channel::send(Signal signal, std::string_view text) const {
  std::string packet(1, static_cast<char>(signal));
  packet.append(text.substr(0, kMessageLimit - 1));
  while (::send(fd(), packet.data(), packet.size(), MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return Error::from_errno(errno, "talk to the container's other process");
  }
  return {};
}

void Channel::send_error(const Error& error) const {
  [[maybe_unused]] auto sent = send(Signal::kError, encode_error(error));
}

void Channel::carry_debug() const {
  if (!debugging()) return;
  set_debug_sink(
      [this](std::string_view step) { [[maybe_unused]] auto sent = send(Signal::kStep, step); });
}

Result<Message> Channel::receive() const {
  // Not cleared: most messages are a byte long, and every page touched costs a fault.
  const auto packet = std::make_unique_for_overwrite<char[]>(kMessageLimit);
  for (;;) {
    ssize_t n = ::recv(fd(), packet.get(), kMessageLimit, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != ECONNRESET) {
      return Error::from_errno(errno, "listen to the container's other process");
    }
    if (n <= 0) return Message{};
    Signal signal{packet[0]};
    std::string_view text(packet.get() + 1, static_cast<size_t>(n) - 1);
    if (signal == Signal::kError) return decode_error(text);
    if (signal != Signal::kWarning && signal != Signal::kStep) {
      return Message{signal, std::string(text)};
    }
    signal == Signal::kWarning ? warn(text) : debug(text);
  }
}

Result<std::string> Channel::expect(Signal wanted, std::string_view who) const {
  return check(TRY(receive()), wanted, who);
}

Result<std::string> Channel::check(Message message, Signal wanted, std::string_view who) {
  if (message.signal == wanted) return std::move(message.text);
  if (message.signal == Signal::kClosed) {
    return Error(Code::kInternal, cat(who, " died without saying why"));
  }
  return Error(Code::kInternal, cat(who, " said something unexpected"));
}

std::string encode_error(const Error& error) {
  return cat(static_cast<int>(error.code()), " ", error.message());
}

Error decode_error(std::string_view text) {
  auto parts = split_once(text, ' ');
  std::optional<int64_t> code = parts ? parse_int(parts->first) : std::nullopt;
  if (!code || *code < 0 || *code > static_cast<int>(Code::kUnauthenticated)) {
    return {Code::kInternal, std::string(text)};
  }
  return {static_cast<Code>(*code), std::string(parts->second)};
}

}  // namespace skiff::runtime
