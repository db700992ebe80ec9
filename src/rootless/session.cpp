#include "rootless/session.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/strings.h"
#include "rootless/keeper.h"
#include "rootless/packet.h"
#include "sys/unix_socket.h"

namespace skiff::rootless {

namespace {

// Two daemons that start at once have one keeper, and it does not end while one reaches it.
class Locked {
 public:
  static Result<Locked> lock(int file) {
    while (::flock(file, LOCK_EX) != 0) {
      if (errno != EINTR) return Error::from_errno(errno, "lock the keeper's directory");
    }
    return Locked(file);
  }
  ~Locked() {
    if (file_ >= 0) ::flock(file_, LOCK_UN);
  }
  Locked(Locked&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  Locked& operator=(Locked&&) = delete;

 private:
  explicit Locked(int file) : file_(file) {}
  int file_;
};

Result<UniqueFd> reach_keeper(const Path& directory, int lock, bool& first) {
  const Locked locked = TRY(Locked::lock(lock));
  const Path socket = directory / kKeeperSocket;
  Result<UniqueFd> connected = sys::connect_unix(socket, SOCK_SEQPACKET);
  first = !connected;
  if (connected) return connected;
  TRY(start_keeper(directory));
  return sys::connect_unix(socket, SOCK_SEQPACKET);
}

Result<> join_namespaces(int keeper) {
  TRY(send_packet(keeper, "join"));
  for (const int kind : {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET}) {
    const Packet packet = TRY(receive_packet(keeper));
    TRY(decode_answer(packet.text));
    if (::setns(packet.fd.get(), kind) != 0) {
      return Error::from_errno(errno, "join the rootless namespaces");
    }
  }
  if (::setresgid(0, 0, 0) != 0) return Error::from_errno(errno, "become group 0");
  if (::setresuid(0, 0, 0) != 0) return Error::from_errno(errno, "become user 0");
  return {};
}

}  // namespace

Result<std::unique_ptr<Session>> Session::enter(const Path& directory) {
  TRY(make_directories(directory, 0700));
  bool first = false;
  UniqueFd lock = TRY(open_file(directory / "keeper.lock", O_RDWR | O_CREAT, 0600));
  UniqueFd keeper = TRY(reach_keeper(directory, lock.get(), first));
  std::error_code ec;
  const Path here = std::filesystem::current_path(ec);
  TRY(join_namespaces(keeper.get()));
  // Joining a mount namespace leads to its root.
  std::filesystem::current_path(here, ec);
  return std::unique_ptr<Session>(new Session(std::move(lock), std::move(keeper), first));
}

Result<std::string> Session::request(const std::string& words) {
  const std::lock_guard lock(mutex_);
  return ask(keeper_.get(), words);
}

Result<> Session::ensure_uplink() {
  TRY(request("uplink"));
  return {};
}

Result<UniqueFd> Session::host_socket(int domain, int type, int protocol) {
  const std::lock_guard lock(mutex_);
  TRY(send_packet(keeper_.get(), cat("socket ", domain, " ", type, " ", protocol)));
  Packet answer = TRY(receive_packet(keeper_.get()));
  TRY(decode_answer(answer.text));
  return std::move(answer.fd);
}

Result<uint16_t> Session::take(const HostPort& port) {
  const std::string number = TRY(request(cat("take ", port.str())));
  return static_cast<uint16_t>(parse_uint(number).value_or(0));
}

Result<> Session::lead(const HostPort& port, const std::string& address, uint16_t number) {
  TRY(request(cat("lead ", port.str(), " ", address, " ", number)));
  return {};
}

Result<> Session::drop(const HostPort& port) {
  TRY(request(cat("drop ", port.str())));
  return {};
}

Result<> Session::settle() {
  TRY(request("settle"));
  return {};
}

Result<> Session::end() {
  const Locked locked = TRY(Locked::lock(lock_.get()));
  TRY(request("end"));
  return {};
}

}  // namespace skiff::rootless
