#include "buildkit/sent_contexts.h"

#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <vector>

#include "base/strings.h"
#include "net/stream.h"
#include "sys/unix_socket.h"

namespace skiff::buildkit {

namespace {
constexpr auto kPatience = std::chrono::seconds(5);
}

struct SentContexts::Sending {
  UniqueFd out;                     // what the sender writes, for who takes it
  std::atomic<bool> whole = false;  // before the sender closes its end
};

class SentContexts::Taken : public Source {
 public:
  Taken(std::shared_ptr<Sending> sending, CancelToken cancel)
      : sending_(std::move(sending)),
        socket_(std::move(sending_->out)),
        cancel_(std::move(cancel)) {}

  Result<size_t> read(std::span<char> buffer) override {
    pollfd waits[] = {{socket_.get(), POLLIN, 0}, {cancel_.fd(), POLLIN, 0}};
    while (::poll(waits, 2, -1) < 0) {
    }
    TRY(cancel_.check());
    const size_t n = TRY(FdSource(socket_.get()).read(buffer));
    if (n > 0 || buffer.empty() || sending_->whole) return n;
    return Error(Code::kUnavailable, "the client stopped sending the context");
  }

 private:
  std::shared_ptr<Sending> sending_;
  UniqueFd socket_;
  CancelToken cancel_;
};

Result<> SentContexts::send(const std::string& id, Source& body) {
  auto [in, out] = TRY(sys::socket_pair(SOCK_STREAM));
  const auto sending = std::make_shared<Sending>();
  sending->out = std::move(out);
  {
    std::unique_lock lock(mutex_);
    if (!waiting_.emplace(id, sending).second) {
      return Error(Code::kAlreadyExists, cat("a context for build ", quoted(id), " is there"));
    }
    changed_.notify_all();
    // Whoever takes it takes it out.
    if (!changed_.wait_for(lock, kPatience, [&] { return !waiting_.contains(id); })) {
      waiting_.erase(id);
      return Error(Code::kNotFound, cat("no build ", quoted(id), " asks for this context"));
    }
  }
  const auto to = net::make_plain_stream(std::move(in));
  constexpr size_t kPiece = size_t{64} << 10U;
  std::vector<char> piece(kPiece);
  while (const size_t n = TRY(body.read(piece))) {
    if (!to->write({piece.data(), n})) return {};
  }
  sending->whole = true;
  return {};
}

Result<std::unique_ptr<Source>> SentContexts::take(const std::string& id,
                                                   const CancelToken& cancel) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, kPatience, [&] { return waiting_.contains(id); })) {
    return Error(Code::kFailedPrecondition, "the client has not sent the context");
  }
  const auto sending = waiting_.extract(id).mapped();
  changed_.notify_all();
  return std::make_unique<Taken>(sending, cancel);
}

}  // namespace skiff::buildkit
