#include "buildkit/rpc_channel.h"

#include <fcntl.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/generic/generic_stub.h>
#include <poll.h>

#include <deque>
#include <thread>

#include "base/strings.h"
#include "buildkit/rpc_grpc.h"

namespace skiff::buildkit {

namespace {

// Messages that have come before they were asked for: a client tells of thousands of files, each in
// one of its own. Two threads.
class ReadAhead {
 public:
  // False: it is full, and nothing is read until take() says so.
  bool put(std::string message) {
    const std::scoped_lock lock(mutex_);
    bytes_ += message.size();
    messages_.push_back(std::move(message));
    came_.notify_one();
    stopped_ = messages_.size() >= kMessages || bytes_ >= kBytes;
    return !stopped_;
  }
  void end() {
    const std::scoped_lock lock(mutex_);
    over_ = true;
    came_.notify_one();
  }

  struct Taken {
    std::deque<std::string> messages;  // none: it is over
    bool go_on = false;                // it was full
  };
  // All that is there; waits for one.
  Taken take() {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [&] { return over_ || !messages_.empty(); });
    bytes_ = 0;
    return {std::exchange(messages_, {}), std::exchange(stopped_, false)};
  }

 private:
  static constexpr size_t kMessages = 512;
  static constexpr size_t kBytes = size_t{4} << 20U;
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::string> messages_;
  size_t bytes_ = 0;
  bool stopped_ = false;
  bool over_ = false;
};

class ClientCall final : public RpcClientCall,
                         public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  ClientCall(grpc::GenericStub& stub, std::string method, const Metadata& metadata,
             const CancelToken& cancel)
      : method_(std::move(method)) {
    for (const auto& [key, value] : metadata) context_.AddMetadata(key, value);
    stub.PrepareBidiStreamingCall(&context_, method_, {}, this);
    ended_.begin();
    AddHold();  // reads and writes come from outside of the callbacks
    StartCall();
    if (cancel.fd() >= 0) watcher_ = std::thread([this, cancel] { follow(cancel); });
  }
  ClientCall(const ClientCall&) = delete;
  ClientCall& operator=(const ClientCall&) = delete;
  ~ClientCall() override {
    if (!over_) context_.TryCancel();
    end();
    over_source_.cancel();
    if (watcher_.joinable()) watcher_.join();
  }

  Result<std::optional<std::string>> read() override {
    if (!std::exchange(reads_, true)) StartRead(&in_);
    if (taken_.empty()) {
      ReadAhead::Taken more = ahead_.take();
      taken_ = std::move(more.messages);
      if (more.go_on) StartRead(&in_);
    }
    if (taken_.empty()) return std::optional<std::string>();
    std::string message = std::move(taken_.front());
    taken_.pop_front();
    return std::optional(std::move(message));
  }

  Result<> write(std::string_view message) override {
    const grpc::ByteBuffer out = to_buffer(message);
    writing_.begin();
    StartWrite(&out);
    if (writing_.wait()) return {};
    return Error(Code::kUnavailable, cat("call the client's ", method_, ": it takes no more"));
  }

  Result<> finish_writing() override {
    finishing_.begin();
    StartWritesDone();
    finishing_.wait();
    return {};
  }

  Result<> finish() override {
    end();
    if (status_.ok()) return {};
    return Error(from_grpc(status_.error_code()), status_.error_message());
  }

  void cancel() override { context_.TryCancel(); }

  void OnReadDone(bool ok) override {
    if (!ok) return ahead_.end();
    if (ahead_.put(to_bytes(in_))) StartRead(&in_);
  }
  void OnWriteDone(bool ok) override { writing_.end(ok); }
  void OnWritesDoneDone(bool ok) override { finishing_.end(ok); }
  void OnDone(const grpc::Status& status) override {
    status_ = status;
    ended_.end(true);
  }

 private:
  void end() {
    if (!over_) RemoveHold();
    over_ = true;
    ended_.wait();
  }

  void follow(const CancelToken& cancel) {
    pollfd waits[] = {{cancel.fd(), POLLIN, 0}, {over_source_.token().fd(), POLLIN, 0}};
    while (::poll(waits, 2, -1) < 0) {
    }
    if (cancel.cancelled()) context_.TryCancel();
  }

  std::string method_;
  grpc::ClientContext context_;
  grpc::ByteBuffer in_;
  ReadAhead ahead_;
  bool reads_ = false;
  std::deque<std::string> taken_;
  Operation writing_;
  Operation finishing_;
  Operation ended_;
  grpc::Status status_;
  bool over_ = false;
  CancelSource over_source_;
  std::thread watcher_;  // of the token, where it can be cancelled
};

class GrpcChannel final : public RpcChannel {
 public:
  GrpcChannel(std::shared_ptr<grpc::Channel> channel, UniqueFd socket)
      : socket_(std::move(socket)), stub_(std::move(channel)) {}

  std::unique_ptr<RpcClientCall> call(const std::string& method, const Metadata& metadata,
                                      const CancelToken& cancel) override {
    return std::make_unique<ClientCall>(stub_, method, metadata, cancel);
  }
  bool alive() const override {
    // gRPC does not tell of channels that it has not connected itself.
    pollfd peer{socket_.get(), POLLRDHUP, 0};
    return ::poll(&peer, 1, 0) == 0;
  }

 private:
  UniqueFd socket_;  // a second descriptor of the channel's
  grpc::GenericStub stub_;
};

}  // namespace

std::unique_ptr<RpcChannel> RpcChannel::over(UniqueFd socket) {
  ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) | O_NONBLOCK);
  UniqueFd second(::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0));
  return std::make_unique<GrpcChannel>(
      grpc::CreateInsecureChannelFromFd("session", socket.release()), std::move(second));
}

Result<std::string> RpcChannel::ask(const std::string& method, std::string_view request,
                                    const CancelToken& cancel, const Metadata& metadata) {
  const auto asked = call(method, metadata, cancel);
  // Where that fails the status says why.
  [[maybe_unused]] const auto sent = asked->write(request);
  TRY(asked->finish_writing());
  std::optional<std::string> reply = TRY(asked->read());
  TRY(asked->finish());
  if (!reply) return Error(Code::kInternal, cat(method, ": no answer"));
  return std::move(*reply);
}

}  // namespace skiff::buildkit
