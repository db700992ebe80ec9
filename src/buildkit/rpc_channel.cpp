#include "buildkit/rpc_channel.h"

#include <poll.h>

#include <thread>

#include "base/strings.h"
#include "buildkit/http2_connection.h"
#include "net/http.h"

namespace skiff::buildkit {

namespace {

constexpr size_t kPrefix = 5;                        // of a message: a flag and its length
constexpr size_t kMostOfMessage = size_t{4} << 20U;  // gRPC's own limit

std::optional<std::string_view> value_of(const Http2Connection::Fields& fields,
                                         std::string_view name) {
  for (const Http2Connection::Field& field : fields) {
    if (field.name == name) return field.value;
  }
  return std::nullopt;
}

// What a call that came to its end says. gRPC's codes are ours, one further.
Result<> status_of(const Http2Connection::Stream& stream) {
  if (stream.failure()) return *stream.failure();
  const auto http = value_of(stream.headers(), ":status");
  const auto status = value_of(stream.trailers(), "grpc-status");
  const auto code = status ? parse_uint(*status) : std::nullopt;
  if (!code)
    return Error(Code::kUnknown, cat("no answer of gRPC: HTTP status ", http.value_or("-")));
  if (*code == 0) return {};
  const bool known = *code - 1 <= static_cast<uint64_t>(Code::kUnauthenticated);
  return Error(known ? static_cast<Code>(*code - 1) : Code::kUnknown,
               net::url_decode(value_of(stream.trailers(), "grpc-message").value_or("")));
}

// gRPC over HTTP/2: each message has its length before it.
class ClientCall final : public RpcClientCall {
 public:
  ClientCall(std::shared_ptr<Http2Connection> connection, std::string method,
             const Metadata& metadata, const CancelToken& cancel)
      : connection_(std::move(connection)), method_(std::move(method)) {
    Http2Connection::Fields fields{{":method", "POST"},
                                   {":scheme", "http"},
                                   {":path", method_},
                                   {":authority", "session"},
                                   {"content-type", "application/grpc"},
                                   {"te", "trailers"}};
    for (const auto& [key, value] : metadata) fields.push_back({key, value});
    auto stream = connection_->open(fields);
    if (!stream) {
      failure_ = std::move(stream.error());
      return;
    }
    stream_ = std::move(*stream);
    if (cancel.fd() >= 0) watcher_ = std::thread([this, cancel] { follow(cancel); });
  }
  ClientCall(const ClientCall&) = delete;
  ClientCall& operator=(const ClientCall&) = delete;
  ~ClientCall() override {
    cancel();
    over_.cancel();
    if (watcher_.joinable()) watcher_.join();
  }

  Result<std::optional<std::string>> read() override {
    for (;;) {
      if (auto message = TRY(next_message())) return message;
      came_.erase(0, std::exchange(taken_, 0));
      if (!stream_ || !connection_->read(*stream_, came_)) return std::optional<std::string>();
    }
  }

  Result<> write(std::string_view message) override {
    std::string bytes(kPrefix, '\0');
    for (size_t i = 1; i < kPrefix; ++i) {
      bytes[i] = static_cast<char>(message.size() >> (8 * (kPrefix - 1 - i)));
    }
    bytes += message;
    if (stream_ && connection_->write(*stream_, bytes)) return {};
    return Error(Code::kUnavailable, cat("call the client's ", method_, ": it takes no more"));
  }

  Result<> finish_writing() override {
    if (stream_) connection_->end(*stream_);
    return {};
  }

  // The status comes behind the last message.
  Result<> finish() override {
    if (!stream_) return *failure_;
    do {
      came_.clear();
    } while (connection_->read(*stream_, came_));
    taken_ = 0;
    return failure_ ? Result<>(*failure_) : status_of(*stream_);
  }

  void cancel() override {
    if (stream_) connection_->cancel(*stream_);
  }

 private:
  // The next one that has come; nullopt: it is not whole.
  Result<std::optional<std::string>> next_message() {
    const std::string_view rest = std::string_view(came_).substr(taken_);
    if (rest.size() < kPrefix) return std::optional<std::string>();
    size_t size = 0;
    for (size_t i = 1; i < kPrefix; ++i) size = size << 8U | static_cast<unsigned char>(rest[i]);
    if (rest.front() != 0 || size > kMostOfMessage) {
      failure_ = Error(Code::kResourceExhausted,
                       cat("call the client's ", method_, ": a message is too large"));
      cancel();
      return *failure_;
    }
    if (rest.size() - kPrefix < size) return std::optional<std::string>();
    taken_ += kPrefix + size;
    return std::optional(std::string(rest.substr(kPrefix, size)));
  }

  void follow(const CancelToken& cancel) {
    pollfd waits[] = {{cancel.fd(), POLLIN, 0}, {over_.token().fd(), POLLIN, 0}};
    while (::poll(waits, 2, -1) < 0) {
    }
    if (cancel.cancelled()) connection_->cancel(*stream_);
  }

  std::shared_ptr<Http2Connection> connection_;
  std::string method_;
  std::shared_ptr<Http2Connection::Stream> stream_;
  std::optional<Error> failure_;
  std::string came_;  // messages, and
  size_t taken_ = 0;  // where the next one begins
  CancelSource over_;
  std::thread watcher_;  // of the token, where it can be cancelled
};

class SocketChannel final : public RpcChannel {
 public:
  explicit SocketChannel(UniqueFd socket)
      : connection_(std::make_shared<Http2Connection>(std::move(socket))) {}

  std::unique_ptr<RpcClientCall> call(const std::string& method, const Metadata& metadata,
                                      const CancelToken& cancel) override {
    return std::make_unique<ClientCall>(connection_, method, metadata, cancel);
  }
  bool alive() const override { return connection_->alive(); }

 private:
  std::shared_ptr<Http2Connection> connection_;
};

}  // namespace

std::unique_ptr<RpcChannel> RpcChannel::over(UniqueFd socket) {
  return std::make_unique<SocketChannel>(std::move(socket));
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
