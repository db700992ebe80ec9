#include "net/http_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "base/strings.h"
#include "codec/json.h"
#include "net/message_reader.h"

namespace skiff::net {

namespace {

constexpr size_t kUploadStep = size_t{64} * 1024;
constexpr size_t kMaxErrorBody = size_t{1} << 20U;

Code code_of_status(int status) {
  switch (status) {
    case 400:
      return Code::kInvalidArgument;
    case 401:
      return Code::kUnauthenticated;
    case 403:
      return Code::kPermissionDenied;
    case 404:
      return Code::kNotFound;
    case 409:
      return Code::kFailedPrecondition;
    case 501:
      return Code::kUnimplemented;
    case 503:
      return Code::kUnavailable;
    default:
      return status >= 500 ? Code::kInternal : Code::kUnknown;
  }
}

std::string request_head(const ClientRequest& request) {
  std::string out = cat(request.method, " ", request.target, " HTTP/1.1\r\n");
  if (!request.headers.find("Host")) out.append("Host: skiff\r\n");
  for (const auto& [name, value] : request.headers) {
    out.append(name).append(": ").append(value).append("\r\n");
  }
  bool sends = request.method != "GET" && request.method != "HEAD";
  if (request.stream != nullptr) {
    out.append("Transfer-Encoding: chunked\r\n");
  } else if (sends || !request.body.empty()) {
    out.append(cat("Content-Length: ", request.body.size(), "\r\n"));
  }
  return out.append("\r\n");
}

Result<> check_request(const ClientRequest& request) {
  auto unsafe = [](std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
  };
  bool bad = unsafe(request.target) || request.target.find(' ') != std::string::npos;
  for (const auto& [name, value] : request.headers) bad |= unsafe(name) || unsafe(value);
  if (bad)
    return Error(Code::kInvalidArgument,
                 cat("request ", skiff::quoted(request.target), " is malformed"));
  return {};
}

}  // namespace

Error error_of_response(int status, std::string_view body) {
  std::string message;
  if (auto value = json::parse(body)) message = value->string("message");
  if (message.empty()) message = trim(body);
  if (message.empty()) message = cat("HTTP status ", status, " ", reason_phrase(status));
  return {code_of_status(status), std::move(message)};
}

struct HttpClient::Impl : public Source {
  explicit Impl(std::unique_ptr<Stream> s) : stream(std::move(s)) {}

  std::unique_ptr<Stream> stream;
  MessageReader reader{MessageReader::Role::kResponses};
  // The request body under way: nullptr when all is sent, `pending` is what it gave last.
  Source* upload = nullptr;
  std::string pending;
  size_t sent = 0;
  bool reusable = true;

  // The answer's body; the request's body goes on meanwhile.
  Result<size_t> read(std::span<char> buffer) override { return reader.read_body(duplex, buffer); }

  // Reads for the parser: sends of the request's body what the peer takes until the answer
  // has something, so that neither side ever waits for the other with full buffers.
  class Duplex : public Source {
   public:
    explicit Duplex(Impl& impl) : impl_(impl) {}
    Result<size_t> read(std::span<char> buffer) override {
      TRY(impl_.send_until_readable());
      return impl_.stream->read(buffer);
    }

   private:
    Impl& impl_;
  };
  Duplex duplex{*this};

  Result<> send_until_readable() {
    while (upload != nullptr || sent < pending.size()) {
      pollfd item{.fd = stream->fd(), .events = POLLIN | POLLOUT, .revents = 0};
      if (::poll(&item, 1, -1) < 0 && errno != EINTR) return Error::from_errno(errno, "poll");
      if ((item.revents & POLLIN) != 0) return {};
      if ((item.revents & (POLLERR | POLLHUP)) != 0) return stop_upload();
      if (sent == pending.size()) TRY(next_piece());
      TRY(send_some());
    }
    return {};
  }

  // The peer has closed its end: what it answered before may still be there to read.
  Result<> stop_upload() {
    upload = nullptr;
    pending.clear();
    sent = 0;
    reusable = false;
    return {};
  }

  Result<> next_piece() {
    std::array<char, 16> digits;
    std::string data(kUploadStep, '\0');
    // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): the loop ends before both run out.
    size_t n = TRY(upload->read(data));
    auto end = std::to_chars(digits.begin(), digits.end(), n, 16);
    pending.assign(digits.data(), end.ptr).append("\r\n").append(data, 0, n).append("\r\n");
    sent = 0;
    if (n == 0) upload = nullptr;
    return {};
  }

  Result<> send_some() {
    if (!stream->is_plain()) {
      auto done = stream->write(pending);
      sent = pending.size();
      return done ? Result<>() : stop_upload();
    }
    ssize_t n = ::send(stream->fd(), pending.data() + sent, pending.size() - sent,
                       MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      sent += static_cast<size_t>(n);
      return {};
    }
    if (errno == EAGAIN || errno == EINTR) return {};
    if (errno == EPIPE || errno == ECONNRESET) return stop_upload();
    return Error::from_errno(errno, "send request body");
  }

  // Reads away what is left of the last answer.
  Result<> finish_last() {
    std::array<char, 16384> buffer;
    while (reusable && !reader.body_finished()) TRY(read(buffer));
    if (upload != nullptr || sent < pending.size()) reusable = false;
    if (!reusable) {
      return Error(Code::kUnavailable, "the connection ended with the last answer");
    }
    return {};
  }

  Result<MessageHead> exchange(const ClientRequest& request) {
    TRY(check_request(request));
    TRY(finish_last());
    std::string text = request_head(request);
    if (request.stream == nullptr) text.append(request.body);
    Result<> written = stream->write(text);
    // A server that refuses early closes while we write; its answer tells why.
    if (!written && written.error().sys_errno() != EPIPE) return written.error();
    upload = request.stream;
    for (;;) {
      auto head = TRY_CONTEXT(reader.read_head(duplex), cat(request.method, " ", request.target));
      if (!head) {
        reusable = false;
        return Error(Code::kUnavailable, cat(request.method, " ", request.target,
                                             ": the server closed the connection"));
      }
      if (head->status >= 200 || head->status == 101) return std::move(*head);
    }
  }
};

HttpClient::HttpClient(std::unique_ptr<Stream> stream)
    : impl_(std::make_unique<Impl>(std::move(stream))) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Result<ClientResponse> HttpClient::send(const ClientRequest& request) {
  MessageHead head = TRY(impl_->exchange(request));
  if (request.method == "HEAD") impl_->reader.no_body();
  if (!head.keep_alive) impl_->reusable = false;
  return ClientResponse{head.status, std::move(head.headers), impl_.get()};
}

Result<Hijacked> HttpClient::upgrade(const ClientRequest& request) {
  ClientRequest upgraded = request;
  upgraded.headers.set("Connection", "Upgrade");
  upgraded.headers.set("Upgrade", "tcp");
  MessageHead head = TRY(impl_->exchange(upgraded));
  impl_->reusable = false;
  if (head.status != 101 && head.status != 200) {
    std::string body = read_all(*impl_, kMaxErrorBody).value_or("");
    return error_of_response(head.status, body);
  }
  return Hijacked{std::move(impl_->stream), impl_->reader.take_buffered()};
}

}  // namespace skiff::net
