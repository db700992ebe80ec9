#include "rootless/tcp_relay.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace skiff::rootless {

namespace {

constexpr size_t kBuffer = size_t{64} << 10U;
// Of reading and writing, before another connection has its turn.
constexpr int kTcpRounds = 16;

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

// What goes from one socket to the other.
class Lane {
 public:
  Lane(int from, int to) : from_(from), to_(to) {}

  enum class State { kWait, kMoved, kEnded, kBroken };
  State move() {
    if (done_) return State::kEnded;
    bool moved = false;
    if (begin_ == end_ && !end_of_input_) {
      buffer_.resize(kBuffer);
      const ssize_t n = ::recv(from_, buffer_.data(), buffer_.size(), 0);
      if (n < 0 && !would_block()) return State::kBroken;
      end_of_input_ = n == 0;
      begin_ = 0;
      end_ = n > 0 ? static_cast<size_t>(n) : 0;
      moved = n >= 0;
    }
    if (begin_ < end_) {
      const ssize_t n = ::send(to_, buffer_.data() + begin_, end_ - begin_, MSG_NOSIGNAL);
      if (n < 0 && !would_block()) return State::kBroken;
      if (n > 0) begin_ += static_cast<size_t>(n);
      moved = n > 0;
    }
    // An idle connection costs no buffer.
    if (begin_ == end_ && !moved) std::string().swap(buffer_);
    if (begin_ == end_ && end_of_input_) {
      ::shutdown(to_, SHUT_WR);
      done_ = true;
      std::string().swap(buffer_);
      return State::kEnded;
    }
    return moved ? State::kMoved : State::kWait;
  }

 private:
  int from_;
  int to_;
  std::string buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool end_of_input_ = false;
  bool done_ = false;
};

class Connection : public Relayed {
 public:
  Connection(UniqueFd outside, UniqueFd inside)
      : outside_(std::move(outside)),
        inside_(std::move(inside)),
        in_(outside_.get(), inside_.get()),
        out_(inside_.get(), outside_.get()) {}

  Next on_ready() override {
    for (int round = 0; round < kTcpRounds; ++round) {
      const Lane::State in = in_.move();
      const Lane::State out = out_.move();
      if (in == Lane::State::kBroken || out == Lane::State::kBroken) return Next::kEnd;
      if (in == Lane::State::kEnded && out == Lane::State::kEnded) return Next::kEnd;
      if (in != Lane::State::kMoved && out != Lane::State::kMoved) return Next::kWait;
    }
    return Next::kGoOn;
  }

 private:
  UniqueFd outside_;
  UniqueFd inside_;
  Lane in_;
  Lane out_;
};

class TcpPort : public Relayed {
 public:
  TcpPort(PortRelay& relay, UniqueFd socket, const sockaddr_in& target)
      : relay_(relay), socket_(std::move(socket)), target_(target) {}

  Next on_ready() override {
    for (int round = 0; round < kTcpRounds; ++round) {
      UniqueFd outside(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!outside) return errno == ECONNABORTED ? Next::kGoOn : Next::kWait;
      lead_in(std::move(outside));
    }
    return Next::kGoOn;
  }

 private:
  // One that fails is closed: its client sees that nobody answers.
  void lead_in(UniqueFd outside) {
    UniqueFd inside(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto* target = reinterpret_cast<const sockaddr*>(&target_);
    if (!inside || (::connect(inside.get(), target, sizeof target_) != 0 && errno != EINPROGRESS)) {
      return;
    }
    const int on = 1;
    const int ends[] = {outside.get(), inside.get()};
    for (const int fd : ends) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    [[maybe_unused]] auto added = relay_.add(
        std::make_unique<Connection>(std::move(outside), std::move(inside)), {ends[0], ends[1]});
  }

  PortRelay& relay_;
  UniqueFd socket_;
  sockaddr_in target_;
};

}  // namespace

std::unique_ptr<Relayed> make_tcp_port(PortRelay& relay, UniqueFd socket,
                                       const sockaddr_in& target) {
  return std::make_unique<TcpPort>(relay, std::move(socket), target);
}

}  // namespace skiff::rootless
