#include "net/exchange.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <exception>

#include "base/log.h"
#include "base/strings.h"

namespace skiff::net {

namespace {

using SteadyClock = std::chrono::steady_clock;

// A body that the handler left is read away up to here, so that the connection can live on.
constexpr uint64_t kDrainLimit = uint64_t{256} * 1024;
constexpr auto kDrainPause = std::chrono::milliseconds(2000);
// An answer up to this size leaves in one write with its head.
constexpr size_t kJoinLimit = size_t{64} * 1024;

// Reads for what must be complete by a deadline: the head of a request, the rest of a body.
class TimedSource : public Source {
 public:
  TimedSource(Stream& stream, std::chrono::milliseconds limit) : stream_(stream), limit_(limit) {}
  Result<size_t> read(std::span<char> buffer) override {
    auto left = limit_;  // of the first read, which is nearly always the only one
    if (deadline_) {
      left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - SteadyClock::now());
    } else {
      deadline_ = SteadyClock::now() + limit_;
    }
    if (left.count() <= 0) return Error(Code::kDeadlineExceeded, "read request: timed out");
    stream_.set_read_timeout(left);
    return stream_.read(buffer);
  }

 private:
  Stream& stream_;
  const std::chrono::milliseconds limit_;
  std::optional<SteadyClock::time_point> deadline_;
};

// Reads for a body, whose sender must keep a pace.
class PacedSource : public Source {
 public:
  PacedSource(Stream& stream, Pace& pace) : stream_(stream), pace_(pace) {}
  Result<size_t> read(std::span<char> buffer) override {
    if (!pace_.limited()) return stream_.read(buffer);
    const auto begun = SteadyClock::now();
    const size_t n = TRY(stream_.read(buffer));
    TRY_CONTEXT(pace_.moved(SteadyClock::now() - begun, n), "read request body");
    return n;
  }

 private:
  Stream& stream_;
  Pace& pace_;
};

std::string_view date_now() {
  static thread_local time_t cached = 0;
  static thread_local std::array<char, 40> text;
  static thread_local size_t size = 0;
  time_t now = ::time(nullptr);
  if (now != cached) {
    tm parts{};
    ::gmtime_r(&now, &parts);
    size = ::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    cached = now;
  }
  return {text.data(), size};
}

// A field's value may come from an image's label or a client: never let it end the line.
void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  for (char c : value) out.push_back(c == '\r' || c == '\n' || c == '\0' ? ' ' : c);
  out.append("\r\n");
}

int status_of(const Error& error) {
  switch (error.code()) {
    case Code::kResourceExhausted:
      return 431;
    case Code::kOutOfRange:
      return 414;
    case Code::kDeadlineExceeded:
      return 408;
    case Code::kUnimplemented:
      return 505;
    default:
      return 400;
  }
}

// The target without scheme and authority: "http://h/x?y" is "/x?y" (RFC 9112, 3.2).
Result<std::string> origin_form(std::string_view method, std::string_view target) {
  if (target.starts_with('/') || (target == "*" && method == "OPTIONS")) {
    return std::string(target);
  }
  const auto parts = split_once(target, ':');
  const bool is_http = parts && (equals_ignore_case(parts->first, "http") ||
                                 equals_ignore_case(parts->first, "https"));
  if (!is_http || !parts->second.starts_with("//")) {
    return Error(Code::kInvalidArgument, cat("malformed request target ", quoted(target)));
  }
  const std::string_view rest = parts->second.substr(2);
  const size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  if (end == 0) return Error(Code::kInvalidArgument, "the request target names no host");
  const std::string_view path = rest.substr(end);
  return path.starts_with('/') ? std::string(path) : cat("/", path);
}

// A name or address with a port, or nothing. Clients of a Unix socket may send its path.
bool is_host(std::string_view text) {
  return std::ranges::none_of(text, [](char c) {
    return c <= ' ' || c == 0x7f ||
           std::string_view("\"#,<>?@\\^`{|}").find(c) != std::string_view::npos;
  });
}

}  // namespace

Exchange::Exchange(std::unique_ptr<Stream>& stream, MessageReader& reader,
                   const ServerOptions& options, ConnectionOwner& owner)
    : stream_(stream),
      reader_(reader),
      options_(options),
      owner_(owner),
      body_pace_(options.pace) {}

Exchange::End Exchange::run(const Handler& handler, const std::string& remote) {
  Result<std::optional<MessageHead>> head = read_head();
  if (!head) return refuse(head.error());
  if (!*head) return End::kClose;
  request_ = std::move(**head);
  if (request_.version == 20 && request_.method == "PRI" && options_.on_http2) {
    options_.on_http2(hand_over(cat("PRI * HTTP/2.0\r\n\r\n", reader_.take_buffered())));
    return End::kHijacked;
  }
  Result<Request> request = make_request(remote);
  if (!request) return refuse(request.error());
  keep_alive_ = request_.keep_alive;
  send_body_ = request_.method != "HEAD";
  expects_continue_ = request_.version >= 11 && !reader_.body_finished() &&
                      equals_ignore_case(request_.headers.get("Expect"), "100-continue");
  call(handler, *request);
  return finish_connection();
}

Result<std::optional<MessageHead>> Exchange::read_head() {
  TimedSource source(*stream_, options_.header_timeout);
  return reader_.read_head(source);
}

Result<Request> Exchange::make_request(const std::string& remote) {
  if (request_.version != 10 && request_.version != 11) {
    return Error(Code::kUnimplemented, "unsupported HTTP version");
  }
  const std::vector<std::string> hosts = request_.headers.all("Host");
  if (hosts.size() > 1 || (hosts.empty() && request_.version == 11)) {
    return Error(Code::kInvalidArgument, "exactly one Host header is required");
  }
  if (!hosts.empty() && !is_host(hosts[0])) {
    return Error(Code::kInvalidArgument, cat("malformed Host header ", quoted(hosts[0])));
  }
  const std::string target = TRY(origin_form(request_.method, request_.target));
  const auto [path, query] =
      split_once(target, '?').value_or(std::pair(std::string_view(target), ""));
  Request out;
  out.method = request_.method;
  out.target = request_.target;
  out.path = url_decode(path);
  out.query = Query::parse(query);
  out.headers = request_.headers;
  out.content_length = request_.content_length;
  out.remote = remote;
  out.tls = !stream_->is_plain();
  out.body = &body_;
  return out;
}

void Exchange::call(const Handler& handler, Request& request) {
  try {
    handler(request, *this);
  } catch (const std::exception& e) {
    log_error(cat(request.method, " ", request.path, ": ", e.what()));
  }
}

Exchange::End Exchange::refuse(const Error& error) {
  bool answerable = error.code() == Code::kInvalidArgument ||
                    error.code() == Code::kResourceExhausted || error.code() == Code::kOutOfRange ||
                    error.code() == Code::kDeadlineExceeded || error.code() == Code::kUnimplemented;
  if (!answerable) return End::kClose;  // the peer went away
  keep_alive_ = false;
  if (send(status_of(error), "text/plain; charset=utf-8", cat(error.message(), "\n"))) linger();
  return End::kClose;
}

// The connection after the handler has returned.
Exchange::End Exchange::finish_connection() {
  if (state_ == State::kHijacked) return End::kHijacked;
  if (state_ == State::kNotStarted) {
    const auto [status, text] = body_error_
                                    ? std::pair(status_of(*body_error_), body_error_->message())
                                    : std::pair(500, std::string("no answer"));
    [[maybe_unused]] auto sent = send(status, "text/plain; charset=utf-8", cat(text, "\n"));
  }
  // An answer cut short must not look complete: the end of the connection tells.
  if (broken_ || state_ == State::kBody) return End::kClose;
  if (!body_error_ && keep_alive_ && (reader_.body_finished() || drain_body())) {
    return End::kKeepAlive;
  }
  linger();
  return End::kClose;
}

bool Exchange::body_wanted_but_not_asked() const {
  return expects_continue_ && !reader_.body_finished();
}

bool Exchange::drain_body() {
  if (body_wanted_but_not_asked()) return false;
  TimedSource source(*stream_, kDrainPause);
  std::array<char, 16384> buffer;
  for (uint64_t total = 0; total < kDrainLimit && !reader_.body_finished();) {
    Result<size_t> n = reader_.read_body(source, buffer);
    if (!n) return false;
    total += *n;
  }
  return reader_.body_finished();
}

// Closing with unread bytes makes TCP reset the connection, and the answer may be lost on
// its way: end our direction and read on for a moment.
void Exchange::linger() {
  if (!stream_->shutdown_write()) return;
  stream_->set_read_timeout(std::chrono::milliseconds(500));
  std::array<char, 16384> buffer;
  auto deadline = SteadyClock::now() + kDrainPause;
  while (SteadyClock::now() < deadline) {
    Result<size_t> n = stream_->read(buffer);
    if (!n || *n == 0) return;
  }
}

Result<size_t> Exchange::Body::read(std::span<char> buffer) {
  Exchange& x = exchange_;
  if (x.state_ == State::kHijacked) return size_t{0};
  if (x.body_wanted_but_not_asked()) {
    std::scoped_lock lock(x.start_mutex_);
    x.expects_continue_ = false;
    if (!x.started()) TRY(x.stream_->write("HTTP/1.1 100 Continue\r\n\r\n"));
  }
  x.stream_->set_read_timeout(x.options_.pace.stall);
  PacedSource source(*x.stream_, x.body_pace_);
  Result<size_t> n = x.reader_.read_body(source, buffer);
  if (n) return n;
  std::scoped_lock lock(x.start_mutex_);
  x.body_error_ = n.error();
  return n;
}

std::string Exchange::head_text(int status, Framing framing, uint64_t length) {
  std::string out = cat("HTTP/1.1 ", status, " ", reason_phrase(status), "\r\n");
  append_field(out, "Date", date_now());
  if (!options_.server_name.empty() && !headers_.find("Server")) {
    append_field(out, "Server", options_.server_name);
  }
  for (const auto& [name, value] : headers_) append_field(out, name, value);
  if (framing == Framing::kLength) append_field(out, "Content-Length", cat(length));
  if (framing == Framing::kChunked) append_field(out, "Transfer-Encoding", "chunked");
  if (!keep_alive_) {
    append_field(out, "Connection", "close");
  } else if (request_.version < 11) {
    append_field(out, "Connection", "keep-alive");
  }
  return out.append("\r\n");
}

Result<> Exchange::check(Result<> result) {
  if (!result) broken_ = true;
  return result;
}

// Sends the head, joined with `body` where that is small.
Result<> Exchange::start(int status, Framing framing, uint64_t length, std::string_view body) {
  std::scoped_lock lock(start_mutex_);
  if (started()) return Error(Code::kFailedPrecondition, "the request is answered already");
  if (status == 204 || status == 304) {
    send_body_ = false;
    framing = Framing::kNone;
  }
  if (framing == Framing::kToClose || body_wanted_but_not_asked() || body_error_ ||
      reader_.body_left().value_or(0) > kDrainLimit) {
    keep_alive_ = false;
  }
  // An answer to HEAD may state the length of the body that it does not carry.
  bool keep_length = request_.method == "HEAD" && length == 0 && headers_.find("Content-Length");
  if (keep_length) {
    framing = Framing::kNone;
  } else {
    headers_.erase("Content-Length");
  }
  headers_.erase("Transfer-Encoding");
  std::string text = head_text(status, framing, length);
  state_ = State::kBody;
  framing_ = framing;
  length_left_ = send_body_ ? length : 0;
  if (send_body_ && body.size() <= kJoinLimit) {
    text.append(body);
    body = {};
  }
  TRY(check(stream_->write(text)));
  if (send_body_ && !body.empty()) TRY(check(stream_->write(body)));
  return {};
}

Result<> Exchange::send(int status, std::string_view content_type, std::string_view body) {
  if (!content_type.empty()) headers_.set("Content-Type", std::string(content_type));
  TRY(start(status, Framing::kLength, body.size(), body));
  state_ = State::kDone;
  return {};
}

Result<> Exchange::send_file(int status, int file, uint64_t offset, uint64_t size) {
  TRY(start(status, Framing::kLength, size, {}));
  if (send_body_) TRY(check(stream_->send_file(file, offset, size)));
  state_ = State::kDone;
  return {};
}

Result<> Exchange::begin(int status) {
  if (auto length = headers_.find("Content-Length"); length && parse_uint(*length)) {
    return start(status, Framing::kLength, *parse_uint(*length), {});
  }
  return start(status, request_.version >= 11 ? Framing::kChunked : Framing::kToClose, 0, {});
}

Result<> Exchange::write(std::string_view chunk) {
  if (state_ != State::kBody) return Error(Code::kFailedPrecondition, "no answer is under way");
  if (chunk.empty() || !send_body_) return {};
  if (framing_ == Framing::kChunked) {
    std::string text;
    text.reserve(chunk.size() + 24);
    std::array<char, 16> digits;
    auto end = std::to_chars(digits.begin(), digits.end(), chunk.size(), 16);
    text.append(digits.data(), end.ptr).append("\r\n").append(chunk).append("\r\n");
    return check(stream_->write(text));
  }
  if (framing_ == Framing::kLength) {
    if (chunk.size() > length_left_) {
      return check(Error(Code::kInternal, "answer is longer than its Content-Length"));
    }
    length_left_ -= chunk.size();
  }
  return check(stream_->write(chunk));
}

Result<> Exchange::finish() {
  if (state_ != State::kBody) return Error(Code::kFailedPrecondition, "no answer is under way");
  if (framing_ == Framing::kLength && length_left_ > 0) {
    return check(Error(Code::kInternal, "answer is shorter than its Content-Length"));
  }
  if (framing_ == Framing::kChunked && send_body_) TRY(check(stream_->write("0\r\n\r\n")));
  state_ = State::kDone;
  return {};
}

Result<Hijacked> Exchange::hijack(std::string_view head) {
  std::scoped_lock lock(start_mutex_);
  if (started()) return Error(Code::kFailedPrecondition, "the request is answered already");
  if (!reader_.body_finished() && !drain_body()) {
    return Error(Code::kInvalidArgument, "the request has a body that nobody reads");
  }
  TRY(check(stream_->write(head)));
  state_ = State::kHijacked;
  return hand_over(reader_.take_buffered());
}

// The connection as it was before the server knew it.
Hijacked Exchange::hand_over(std::string early_bytes) {
  owner_.release();
  stream_->set_read_timeout(std::chrono::milliseconds(0));
  stream_->set_write_limit({});
  return Hijacked{std::move(stream_), std::move(early_bytes)};
}

}  // namespace skiff::net
