// A connection to a D-Bus message bus (D-Bus specification, Authentication Protocol and Message
// Bus).
//
//   DbusClient bus = TRY(DbusClient::connect("unix:path=/run/dbus/system_bus_socket"));
//   DbusMessage reply = TRY(bus.call({.path = "/org/freedesktop/systemd1", ...}));
//
// libdbus and sd-bus are no choice: the one wants libsystemd, which Debian has only as a shared
// library, and the runtime is static. Waits at most 30 s for an answer. Not thread-safe.
#pragma once

#include <deque>
#include <functional>
#include <string>

#include "base/unique_fd.h"
#include "sys/dbus_message.h"

namespace skiff::sys {

class DbusClient {
 public:
  // Says who we are and that we are there. kNotFound, kUnavailable: no bus there.
  static Result<DbusClient> connect(const std::string& address);

  // The reply. One that is an error becomes an Error with its name and text; kAlreadyExists for
  // "...Exists", kNotFound for "...NoSuchUnit", kUnavailable for a service that is not there.
  Result<DbusMessage> call(DbusMessage message);
  // Sends without waiting; gives the message's number.
  Result<uint32_t> send(DbusMessage message);
  // The next message that is `wanted`, those included that came while a reply was waited for;
  // the ones before it are gone.
  Result<DbusMessage> wait_for(const std::function<bool(const DbusMessage&)>& wanted);

 private:
  explicit DbusClient(UniqueFd socket) : socket_(std::move(socket)) {}
  Result<> authenticate();
  Result<> write(std::string_view bytes) const;
  Result<std::string> read(size_t size) const;
  Result<DbusMessage> receive() const;

  UniqueFd socket_;
  uint32_t serial_ = 0;
  std::deque<DbusMessage> kept_;
};

}  // namespace skiff::sys
