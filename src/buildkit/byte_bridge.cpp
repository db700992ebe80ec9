#include "buildkit/byte_bridge.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <thread>

#include "base/io.h"
#include "control.pb.h"
#include "sys/unix_socket.h"

namespace skiff::buildkit {

namespace {

constexpr size_t kBridgePiece = size_t{32} << 10U;

struct Bridge {
  std::unique_ptr<net::Stream> stream;
  std::string early_bytes;
  UniqueFd socket;
};

// MSG_NOSIGNAL: the other end may be gone.
Result<> send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::from_errno(errno, "write to a bridge");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Result<> carry_in(Bridge& bridge) {
  TRY(send_all(bridge.socket.get(), bridge.early_bytes));
  std::array<char, kBridgePiece> buffer;
  for (;;) {
    const size_t n = TRY(bridge.stream->read(buffer));
    if (n == 0) return {};
    TRY(send_all(bridge.socket.get(), {buffer.data(), n}));
  }
}

void carry_out(Bridge& bridge) {
  FdSource source(bridge.socket.get());
  [[maybe_unused]] const auto copied = copy(source, *bridge.stream);  // until either is gone
  ::shutdown(bridge.stream->fd(), SHUT_RDWR);
}

// The messages that come, as bytes for the socket.
Result<> take_pieces(RpcStream& stream, int socket) {
  for (;;) {
    const std::optional<std::string> message = TRY(stream.read());
    if (!message) return {};
    wire::BytesMessage piece;
    if (!piece.ParseFromString(*message)) {
      return Error(Code::kInvalidArgument, "a piece of a byte stream cannot be read");
    }
    TRY(send_all(socket, piece.data()));
  }
}

Result<> give_pieces(RpcStream& stream, int socket) {
  FdSource source(socket);
  std::array<char, kBridgePiece> buffer;
  for (;;) {
    const size_t n = TRY(source.read(buffer));
    if (n == 0) return {};
    wire::BytesMessage piece;
    piece.set_data(buffer.data(), n);
    TRY(write_message(stream, piece));
  }
}

}  // namespace

Result<UniqueFd> socket_for(net::Hijacked connection, net::WorkerThreads& threads) {
  if (connection.stream->is_plain() && connection.early_bytes.empty()) {
    UniqueFd copy(::fcntl(connection.stream->fd(), F_DUPFD_CLOEXEC, 0));
    if (!copy) return Error::from_errno(errno, "take over a connection");
    return copy;
  }
  auto [ours, theirs] = TRY(sys::socket_pair(SOCK_STREAM));
  auto bridge = std::make_shared<Bridge>(std::move(connection.stream),
                                         std::move(connection.early_bytes), std::move(ours));
  threads.submit([bridge] {
    [[maybe_unused]] const auto ended = carry_in(*bridge);  // by the client
    ::shutdown(bridge->socket.get(), SHUT_WR);
  });
  threads.submit([bridge] { carry_out(*bridge); });
  return std::move(theirs);
}

Result<> tunnel(RpcCall& call, const std::function<void(UniqueFd)>& hand_over) {
  auto [ours, theirs] = TRY(sys::socket_pair(SOCK_STREAM));
  hand_over(std::move(theirs));
  std::thread back([&, socket = ours.get()] {
    [[maybe_unused]] const auto given = give_pieces(call, socket);
    call.cancel();
  });
  auto taken = take_pieces(call, ours.get());
  ::shutdown(ours.get(), SHUT_RDWR);
  back.join();
  return taken;
}

Result<> tunnel(RpcClientCall& call, UniqueFd socket) {
  std::thread back([&] {
    [[maybe_unused]] const auto taken = take_pieces(call, socket.get());
    ::shutdown(socket.get(), SHUT_RDWR);
  });
  auto given = give_pieces(call, socket.get());
  if (given) given = call.finish_writing();
  call.cancel();
  back.join();
  return given;
}

}  // namespace skiff::buildkit
