#include "sys/dbus_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.h"
#include "sys/unix_socket.h"

namespace skiff::sys {

namespace {

constexpr int kTimeoutMs = 30'000;
constexpr size_t kLineLimit = 1024;
constexpr size_t kKeptLimit = 1024;

constexpr std::string_view kBus = "org.freedesktop.DBus";

std::string hex(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string digits;
  for (char c : text) {
    auto value = static_cast<unsigned char>(c);
    digits += kDigits[value >> 4U];
    digits += kDigits[value & 15U];
  }
  return digits;
}

// The path of the first address of "unix:path=/a,guid=b;...".
Result<std::string> path_of(const std::string& address) {
  std::string first = address.substr(0, address.find(';'));
  if (!first.starts_with("unix:")) {
    return Error(Code::kUnimplemented, cat("bus address ", quoted(address), " is no Unix socket"));
  }
  for (const std::string& part : split(first.substr(5), ',')) {
    if (part.starts_with("path=")) return part.substr(5);
  }
  return Error(Code::kUnimplemented, cat("bus address ", quoted(address), " has no path"));
}

Code code_of(std::string_view error_name) {
  if (error_name.ends_with("Exists")) return Code::kAlreadyExists;
  if (error_name.ends_with("NoSuchUnit")) return Code::kNotFound;
  if (error_name.ends_with("AccessDenied")) return Code::kPermissionDenied;
  bool absent = error_name.ends_with("ServiceUnknown") || error_name.ends_with("NameHasNoOwner");
  return absent ? Code::kUnavailable : Code::kUnknown;
}

Error error_of(const DbusMessage& reply) {
  DbusReader reader(reply.body);
  Result<std::string> text =
      reply.signature.starts_with('s') ? reader.string() : Result<std::string>("");
  return {code_of(reply.error_name), cat(reply.error_name, ": ", text ? *text : "")};
}

}  // namespace

Result<DbusClient> DbusClient::connect(const std::string& address) {
  DbusClient client(TRY(connect_unix(TRY(path_of(address)))));
  TRY(client.authenticate());
  TRY(client.call({.path = "/org/freedesktop/DBus",
                   .interface = std::string(kBus),
                   .member = "Hello",
                   .destination = std::string(kBus)}));
  return client;
}

Result<> DbusClient::authenticate() {
  // The kernel tells the bus who we are; the text only has to agree.
  TRY(write(cat(std::string_view("\0", 1), "AUTH EXTERNAL ", hex(cat(::geteuid())), "\r\n")));
  std::string line;
  while (!line.ends_with("\r\n")) {
    if (line.size() > kLineLimit) return Error(Code::kDataLoss, "D-Bus: an endless greeting");
    line += TRY(read(1));
  }
  if (!line.starts_with("OK ")) {
    return Error(Code::kPermissionDenied, cat("D-Bus: the bus refuses us: ", trim(line)));
  }
  return write("BEGIN\r\n");
}

Result<DbusMessage> DbusClient::call(DbusMessage message) {
  uint32_t serial = TRY(send(std::move(message)));
  for (;;) {
    DbusMessage heard = TRY(receive());
    if (heard.reply_serial != serial) {
      if (kept_.size() < kKeptLimit) kept_.push_back(std::move(heard));
      continue;
    }
    if (heard.type == DbusType::kError) return error_of(heard);
    return heard;
  }
}

Result<uint32_t> DbusClient::send(DbusMessage message) {
  message.serial = ++serial_;
  TRY(write(encode_dbus(message)));
  return message.serial;
}

Result<DbusMessage> DbusClient::wait_for(const std::function<bool(const DbusMessage&)>& wanted) {
  for (;;) {
    if (kept_.empty()) kept_.push_back(TRY(receive()));
    DbusMessage next = std::move(kept_.front());
    kept_.pop_front();
    if (wanted(next)) return next;
  }
}

Result<> DbusClient::write(std::string_view bytes) const {
  while (!bytes.empty()) {
    ssize_t n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::from_errno(errno, "write to the bus");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Result<std::string> DbusClient::read(size_t size) const {
  std::string bytes(size, '\0');
  size_t have = 0;
  while (have < size) {
    pollfd polled{socket_.get(), POLLIN, 0};
    int ready = ::poll(&polled, 1, kTimeoutMs);
    if (ready == 0) return Error(Code::kDeadlineExceeded, "the bus does not answer");
    ssize_t n = ready < 0 ? -1 : ::recv(socket_.get(), bytes.data() + have, size - have, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::from_errno(errno, "read from the bus");
    if (n == 0) return Error(Code::kUnavailable, "the bus has closed the connection");
    have += static_cast<size_t>(n);
  }
  return bytes;
}

Result<DbusMessage> DbusClient::receive() const {
  std::string bytes = TRY(read(kDbusHeaderSize));
  size_t size = TRY(dbus_message_size(bytes));
  bytes += TRY(read(size - bytes.size()));
  return decode_dbus(bytes);
}

}  // namespace skiff::sys
