// The answer's part of an exchange: from a handler to the client.
#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "base/strings.h"
#include "net/exchange.h"

namespace skiff::net {

namespace {

// An answer up to this size leaves in one write with its head.
constexpr size_t kJoinLimit = size_t{64} * 1024;

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
  const auto begin = static_cast<std::ptrdiff_t>(out.size());
  out.append(value);
  const auto ends_line = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
  std::replace_if(out.begin() + begin, out.end(), ends_line, ' ');
  out.append("\r\n");
}

}  // namespace

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
  } else if (head_.version < 11) {
    append_field(out, "Connection", "keep-alive");
  }
  return out.append("\r\n");
}

// Sends, or keeps what cannot be sent without waiting.
Result<> Exchange::put(std::string_view bytes, Then then) {
  if (may_wait_) {
    return check(then == Then::kFile ? stream_->write_more(bytes) : stream_->write(bytes));
  }
  size_t n = 0;
  if (unsent_.empty()) {
    Result<size_t> sent = stream_->write_now(bytes);
    if (!sent) return check(sent.error());
    n = *sent;
  }
  unsent_.append(bytes.substr(n));
  return {};
}

Result<> Exchange::check(Result<> result) {
  if (!result) broken_ = true;
  return result;
}

// Sends the head, joined with `body` where that is small.
Result<> Exchange::start(int status, Framing framing, uint64_t length, std::string_view body,
                         Then then) {
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
  bool keep_length = head_.method == "HEAD" && length == 0 && headers_.find("Content-Length");
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
  status_ = status;
  if (!send_body_) body = {};
  const size_t size = body.size();
  if (size <= kJoinLimit) {
    text.append(body);
    body = {};
  }
  TRY(put(text, send_body_ && length > 0 ? then : Then::kNothing));
  if (!body.empty()) TRY(put(body));
  sent_ += size;
  return {};
}

Result<> Exchange::send(int status, std::string_view content_type, std::string_view body) {
  if (!content_type.empty()) headers_.set("Content-Type", std::string(content_type));
  TRY(start(status, Framing::kLength, body.size(), body));
  state_ = State::kDone;
  return {};
}

Result<> Exchange::send_file(int status, int file, uint64_t offset, uint64_t size) {
  if (!may_wait_) return Error(Code::kFailedPrecondition, "a quick request sends no file");
  TRY(start(status, Framing::kLength, size, {}, Then::kFile));
  if (send_body_) {
    TRY(check(stream_->send_file(file, offset, size)));
    sent_ += size;
  }
  state_ = State::kDone;
  return {};
}

Result<> Exchange::begin(int status) {
  if (auto length = headers_.find("Content-Length"); length && parse_uint(*length)) {
    return start(status, Framing::kLength, *parse_uint(*length), {});
  }
  return start(status, head_.version >= 11 ? Framing::kChunked : Framing::kToClose, 0, {});
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
    sent_ += chunk.size();
    return put(text);
  }
  if (framing_ == Framing::kLength) {
    if (chunk.size() > length_left_) {
      return check(Error(Code::kInternal, "answer is longer than its Content-Length"));
    }
    length_left_ -= chunk.size();
  }
  sent_ += chunk.size();
  return put(chunk);
}

Result<> Exchange::finish() {
  if (state_ != State::kBody) return Error(Code::kFailedPrecondition, "no answer is under way");
  if (framing_ == Framing::kLength && length_left_ > 0) {
    return check(Error(Code::kInternal, "answer is shorter than its Content-Length"));
  }
  if (framing_ == Framing::kChunked && send_body_) TRY(put("0\r\n\r\n"));
  state_ = State::kDone;
  return {};
}

}  // namespace skiff::net
