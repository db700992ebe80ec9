#include "buildkit/rpc_channel.h"

#include <fcntl.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/support/sync_stream.h>
#include <poll.h>

#include <thread>

#include "base/strings.h"
#include "buildkit/rpc_grpc.h"

namespace skiff::buildkit {

namespace {

// How much of a call may come before it is read: a client tells of thousands of files, each in a
// message of its own.
constexpr int kReadAhead = 4 << 20;

// By the blocking interface, as gRPC's generated code uses it: who reads looks after the connection
// himself while he waits, and what has come already he gets without waking anybody. Callbacks
// would come on other threads, one message after another.
class ClientCall final : public RpcClientCall {
 public:
  ClientCall(grpc::Channel& channel, std::string method, const Metadata& metadata,
             const CancelToken& cancel)
      : method_(std::move(method)) {
    for (const auto& [key, value] : metadata) context_.AddMetadata(key, value);
    using grpc::internal::RpcMethod;
    const RpcMethod rpc(method_.c_str(), RpcMethod::BIDI_STREAMING);
    stream_.reset(Factory::Create(&channel, rpc, &context_));
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
    grpc::ByteBuffer in;
    if (all_read_ || !stream_->Read(&in)) {
      all_read_ = true;
      return std::optional<std::string>();
    }
    return std::optional(to_bytes(in));
  }

  Result<> write(std::string_view message) override {
    if (stream_->Write(to_buffer(message))) return {};
    return Error(Code::kUnavailable, cat("call the client's ", method_, ": it takes no more"));
  }

  Result<> finish_writing() override {
    stream_->WritesDone();
    return {};
  }

  Result<> finish() override {
    end();
    if (status_.ok()) return {};
    return Error(from_grpc(status_.error_code()), status_.error_message());
  }

  void cancel() override { context_.TryCancel(); }

 private:
  using Factory = grpc::internal::ClientReaderWriterFactory<grpc::ByteBuffer, grpc::ByteBuffer>;

  // The status comes behind the last message.
  void end() {
    if (std::exchange(over_, true)) return;
    grpc::ByteBuffer in;
    while (!all_read_ && stream_->Read(&in)) {
    }
    status_ = stream_->Finish();
  }

  void follow(const CancelToken& cancel) {
    pollfd waits[] = {{cancel.fd(), POLLIN, 0}, {over_source_.token().fd(), POLLIN, 0}};
    while (::poll(waits, 2, -1) < 0) {
    }
    if (cancel.cancelled()) context_.TryCancel();
  }

  std::string method_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>> stream_;
  bool all_read_ = false;
  bool over_ = false;
  grpc::Status status_;
  CancelSource over_source_;
  std::thread watcher_;  // of the token, where it can be cancelled
};

class GrpcChannel final : public RpcChannel {
 public:
  GrpcChannel(std::shared_ptr<grpc::Channel> channel, UniqueFd socket)
      : socket_(std::move(socket)), channel_(std::move(channel)) {}

  std::unique_ptr<RpcClientCall> call(const std::string& method, const Metadata& metadata,
                                      const CancelToken& cancel) override {
    return std::make_unique<ClientCall>(*channel_, method, metadata, cancel);
  }
  bool alive() const override {
    // gRPC does not tell of channels that it has not connected itself.
    pollfd peer{socket_.get(), POLLRDHUP, 0};
    return ::poll(&peer, 1, 0) == 0;
  }

 private:
  UniqueFd socket_;  // a second descriptor of the channel's
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace

std::unique_ptr<RpcChannel> RpcChannel::over(UniqueFd socket) {
  ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) | O_NONBLOCK);
  UniqueFd second(::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0));
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kReadAhead);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  return std::make_unique<GrpcChannel>(
      grpc::CreateCustomInsecureChannelFromFd("session", socket.release(), arguments),
      std::move(second));
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
