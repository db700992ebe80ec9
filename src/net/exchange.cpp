#include "net/exchange.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>

#include "base/log.h"
#include "base/strings.h"
#include "net/exchange_sources.h"
#include "net/request_target.h"

namespace skiff::net {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr auto kDrainPause = std::chrono::milliseconds(2000);

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

}  // namespace

Exchange::Exchange(std::unique_ptr<Stream>& stream, MessageReader& reader,
                   const ServerOptions& options, const std::string& remote, ConnectionOwner& owner)
    : stream_(stream),
      reader_(reader),
      options_(options),
      remote_(remote),
      owner_(owner),
      body_pace_(options.pace) {}

Exchange::Arrival Exchange::receive_now() {
  if (arrival_ != Arrival::kNothing) return arrival_;
  ReadySource source(*stream_);
  const Arrival arrival = receive(source);
  return source.ran_dry() ? arrival_ = Arrival::kNothing : arrival;
}

void Exchange::give_up_waiting() {
  refuse_later(Error(Code::kDeadlineExceeded, "read request: timed out"));
}

Exchange::Arrival Exchange::receive(Source& source) {
  auto head = reader_.read_head(source);
  if (!head) return refuse_later(head.error());
  if (!*head) return arrival_ = Arrival::kGone;
  head_ = std::move(**head);
  if (head_.version == 20 && options_.on_http2) return arrival_ = Arrival::kHttp2;
  Result<> request = make_request();
  if (!request) return refuse_later(request.error());
  return arrival_ = Arrival::kRequest;
}

Exchange::Arrival Exchange::refuse_later(const Error& error) {
  constexpr Code kAnswerable[] = {Code::kInvalidArgument, Code::kResourceExhausted,
                                  Code::kOutOfRange, Code::kDeadlineExceeded, Code::kUnimplemented};
  if (std::ranges::find(kAnswerable, error.code()) == std::end(kAnswerable)) {
    return arrival_ = Arrival::kGone;
  }
  refusal_ = error;
  return arrival_ = Arrival::kRefused;
}

bool Exchange::answer_now(const Handler& handler) {
  may_wait_ = false;
  call(handler);
  may_wait_ = true;
  return unsent_.empty() && state_ == State::kDone && !broken_ && keep_alive_;
}

Exchange::End Exchange::run(const Handler& handler) {
  if (arrival_ == Arrival::kNothing) {
    TimedSource source(*stream_, options_.header_timeout);
    receive(source);
  }
  switch (arrival_) {
    case Arrival::kRequest:
      break;
    case Arrival::kRefused:
      return refuse();
    case Arrival::kHttp2:
      return hand_to_http2();
    default:
      return End::kClose;
  }
  if (!called_) call(handler);
  if (!unsent_.empty()) [[maybe_unused]]
    auto sent = check(stream_->write(unsent_));
  return finish_connection();
}

Exchange::End Exchange::hand_to_http2() {
  options_.on_http2(hand_over(cat("PRI * HTTP/2.0\r\n\r\n", reader_.take_buffered())));
  return End::kHijacked;
}

Result<> Exchange::make_request() {
  if (head_.version != 10 && head_.version != 11) {
    return Error(Code::kUnimplemented, "unsupported HTTP version");
  }
  const std::vector<std::string> hosts = head_.headers.all("Host");
  if (hosts.size() > 1 || (hosts.empty() && head_.version == 11)) {
    return Error(Code::kInvalidArgument, "exactly one Host header is required");
  }
  if (!hosts.empty() && !is_host(hosts[0])) {
    return Error(Code::kInvalidArgument, cat("malformed Host header ", quoted(hosts[0])));
  }
  const std::string target = TRY(origin_form(head_.method, head_.target));
  const auto [path, query] =
      split_once(target, '?').value_or(std::pair(std::string_view(target), ""));
  call_.method = head_.method;
  call_.path = url_decode(path);
  call_.query = Query::parse(query);
  call_.target = std::move(head_.target);
  call_.headers = std::move(head_.headers);
  call_.content_length = head_.content_length;
  call_.remote = remote_;
  call_.tls = !stream_->is_plain();
  call_.certificate = stream_->peer_certificate();
  call_.body = &body_;
  keep_alive_ = head_.keep_alive;
  send_body_ = head_.method != "HEAD";
  expects_continue_ = head_.version >= 11 && !reader_.body_finished() &&
                      equals_ignore_case(call_.headers.get("Expect"), "100-continue");
  return {};
}

void Exchange::call(const Handler& handler) {
  called_ = true;
  try {
    handler(call_, *this);
  } catch (const std::exception& e) {
    log_error(cat(call_.method, " ", call_.path, ": ", e.what()));
  }
}

Exchange::End Exchange::refuse() {
  keep_alive_ = false;
  const int status = status_of(*refusal_);
  if (options_.on_refused) options_.on_refused(status, remote_);
  if (send(status, "text/plain; charset=utf-8", cat(refusal_->message(), "\n"))) linger();
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
  if (n) {
    x.received_ += *n;
    return n;
  }
  std::scoped_lock lock(x.start_mutex_);
  x.body_error_ = n.error();
  return n;
}

Result<Hijacked> Exchange::hijack(std::string_view head) {
  std::scoped_lock lock(start_mutex_);
  if (started()) return Error(Code::kFailedPrecondition, "the request is answered already");
  if (!reader_.body_finished() && !drain_body()) {
    return Error(Code::kInvalidArgument, "the request has a body that nobody reads");
  }
  if (!may_wait_) return Error(Code::kFailedPrecondition, "a quick request keeps its connection");
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
