#include "rootless/packet.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/strings.h"
#include "sys/unix_socket.h"

namespace skiff::rootless {

Result<> send_packet(int socket, std::string_view text, int fd) {
  if (fd >= 0) return sys::send_fd(socket, fd, text);
  while (::send(socket, text.data(), text.size(), MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return Error::from_errno(errno, "talk to the keeper of the namespaces");
  }
  return {};
}

Result<Packet> receive_packet(int socket) {
  sys::FdMessage message = TRY(sys::receive_message(socket));
  return Packet{std::move(message.text), std::move(message.fd)};
}

std::string encode_answer(const Result<>& outcome) {
  if (outcome) return "ok";
  return cat("error ", outcome.error().sys_errno(), " ", outcome.error().message());
}

Result<std::string> decode_answer(std::string_view text) {
  if (text.empty()) {
    return Error(Code::kUnavailable, "the keeper of the rootless namespaces has ended");
  }
  if (text == "ok") return std::string();
  if (text.starts_with("ok ")) return std::string(text.substr(3));
  const auto parts = split_once(text.substr(text.find(' ') + 1), ' ');
  const int number = parts ? static_cast<int>(parse_int(parts->first).value_or(0)) : 0;
  if (!parts || number == 0) {
    return Error(Code::kUnavailable, std::string(parts ? parts->second : text));
  }
  // The message ends in the errno's words already.
  std::string_view what = parts->second;
  const std::string told = Error::from_errno(number, "").message();
  if (what.ends_with(told)) what.remove_suffix(told.size());
  return Error::from_errno(number, what);
}

Result<std::string> ask(int socket, std::string_view request, int fd) {
  TRY(send_packet(socket, request, fd));
  const Packet answer = TRY(receive_packet(socket));
  return decode_answer(answer.text);
}

}  // namespace skiff::rootless
