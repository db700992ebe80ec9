#include "buildkit/rpc_server.h"

#include <fcntl.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>

#include <atomic>

#include "base/strings.h"
#include "buildkit/rpc_grpc.h"
#include "net/worker_threads.h"

namespace skiff::buildkit {

namespace {

constexpr int kMaxMessage = 16 << 20;  // what BuildKit's clients send at most
constexpr int kMaxCalls = 512;         // each has a thread

// Deletes itself when gRPC has done with it, which is after Finish().
class Call final : public RpcCall, public grpc::ServerGenericBidiReactor {
 public:
  explicit Call(grpc::GenericCallbackServerContext& context)
      : context_(context), method_(context.method()) {
    for (const auto& [key, value] : context.client_metadata()) {
      metadata_.emplace(std::string(key.data(), key.size()),
                        std::string(value.data(), value.size()));
    }
  }

  const std::string& method() const override { return method_; }
  const Metadata& metadata() const override { return metadata_; }
  void add_header(const std::string& key, const std::string& value) override {
    context_.AddInitialMetadata(key, value);
  }
  CancelToken cancelled() override { return cancel_.token(); }
  void cancel() override { context_.TryCancel(); }

  Result<std::optional<std::string>> read() override {
    reading_.begin();
    StartRead(&in_);
    if (reading_.wait()) return std::optional(to_bytes(in_));
    TRY(cancel_.token().check());
    return std::optional<std::string>();
  }

  Result<> write(std::string_view message) override {
    const grpc::ByteBuffer out = to_buffer(message);
    writing_.begin();
    StartWrite(&out);
    if (writing_.wait()) return {};
    return Error(Code::kCancelled, "the client is gone");
  }

  void OnReadDone(bool ok) override { reading_.end(ok); }
  void OnWriteDone(bool ok) override { writing_.end(ok); }
  void OnCancel() override { cancel_.cancel(); }
  void OnDone() override { delete this; }

 private:
  grpc::GenericCallbackServerContext& context_;
  std::string method_;
  Metadata metadata_;
  CancelSource cancel_;
  grpc::ByteBuffer in_;
  Operation reading_;
  Operation writing_;
};

grpc::Status to_status(const std::optional<RpcFailure>& failure) {
  if (!failure) return grpc::Status::OK;
  return {to_grpc(failure->error.code()), failure->error.message(), failure->details};
}

class GrpcServer final : public RpcServer, public grpc::CallbackGenericService {
 public:
  explicit GrpcServer(RpcHandler handler) : handler_(std::move(handler)) {}
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;
  ~GrpcServer() override {
    if (server_) server_->Shutdown(std::chrono::system_clock::now());
  }

  Result<> open() {
    grpc::ServerBuilder builder;
    builder.RegisterCallbackGenericService(this);
    builder.SetMaxReceiveMessageSize(kMaxMessage);
    server_ = builder.BuildAndStart();
    if (!server_) return Error(Code::kInternal, "start a gRPC server");
    return {};
  }

  void serve(UniqueFd socket) override {
    ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) | O_NONBLOCK);
    grpc::AddInsecureChannelFromFd(server_.get(), socket.release());
  }

 private:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    auto* call = new Call(*context);  // NOLINT: gRPC's, until OnDone()
    if (++calls_ > kMaxCalls) {
      --calls_;
      call->Finish({grpc::StatusCode::RESOURCE_EXHAUSTED, cat("more than ", kMaxCalls, " calls")});
      return call;
    }
    threads_.submit([this, call] {
      const std::optional<RpcFailure> failure = handler_(*call);
      --calls_;
      call->Finish(to_status(failure));
    });
    return call;
  }

  RpcHandler handler_;
  std::atomic<int> calls_ = 0;
  std::unique_ptr<grpc::Server> server_;
  net::WorkerThreads threads_;  // before the server, which they answer through
};

}  // namespace

Result<std::unique_ptr<RpcServer>> RpcServer::start(RpcHandler handler) {
  auto server = std::make_unique<GrpcServer>(std::move(handler));
  TRY(server->open());
  return std::unique_ptr<RpcServer>(std::move(server));
}

}  // namespace skiff::buildkit
