#include "buildkit/http2_connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <ctime>

#include "base/strings.h"
#include "buildkit/http2_frames.h"

namespace skiff::buildkit {

using namespace http2;

namespace {

constexpr std::string_view kGreeting = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr uint32_t kLargestFrame = 16384;        // that we take: what peers may send untold
constexpr size_t kPiece = size_t{64} << 10U;     // that is read at once
constexpr size_t kMostOut = size_t{256} << 10U;  // beyond it writers wait
constexpr size_t kMostAnswers = size_t{4} << 20U;

// Peers write, and are at work, for each message, small as it is: to be woken each time would cost
// both ends more than all else does. After kFlood of them in a row, which no word of ours has come
// between, what comes is looked at every kPause.
constexpr size_t kSmall = size_t{4} << 10U;
constexpr int kFlood = 16;
constexpr timespec kPause{.tv_sec = 0, .tv_nsec = 1'000'000};

Error violation(std::string_view what) {
  return Error(Code::kInvalidArgument, cat("the client breaks HTTP/2: ", what));
}

Error gone() { return Error(Code::kUnavailable, "the client is gone"); }

Error failure_of_reset(uint32_t reason) {
  if (reason == kCancelled) return Error(Code::kCancelled, "the client has given it up");
  if (reason == kRefused) return Error(Code::kUnavailable, "the client refuses it");
  return Error(Code::kInternal, cat("the client has reset it (", reason, ")"));
}

}  // namespace

Http2Connection::Http2Connection(UniqueFd socket)
    : socket_(std::move(socket)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      in_(kHead + kLargestFrame + kPiece) {
  ::fcntl(socket_.get(), F_SETFL, ::fcntl(socket_.get(), F_GETFL) | O_NONBLOCK);
  out_ = kGreeting;
  std::string settings;
  for (const auto& [name, value] : std::initializer_list<std::pair<uint16_t, uint32_t>>{
           {kEnablePush, 0},
           {kInitialWindow, kReadAhead},
           {kMaxHeaders, hpack::Decoder::kMostOfBlock}}) {
    append_number(settings, name, 2);
    append_number(settings, value, 4);
  }
  send(kSettings, 0, 0, settings);
  // Each stream has its own bounds: together they have none that one could use up for the others.
  send_window(0, 2 * kReadAhead);
  flush();
}

// Returns once done() or broken_. Called, and done() asked, with the lock held.
template <typename Done>
void Http2Connection::wait_until(std::unique_lock<std::mutex>& lock, const Done& done) {
  while (!broken_ && !done()) {
    if (someone_reads_) {
      changed_.wait(lock);
      continue;
    }
    someone_reads_ = true;
    const short wanted = out_.empty() ? POLLIN : POLLIN | POLLOUT;
    pollfd waits[] = {{socket_.get(), wanted, 0}, {wake_.get(), POLLIN, 0}};
    const bool floods = small_in_a_row_ >= kFlood;
    lock.unlock();
    if (floods) ::nanosleep(&kPause, nullptr);
    ::poll(waits, 2, -1);
    lock.lock();
    someone_reads_ = false;
    if (waits[1].revents != 0) {
      eventfd_t count = 0;
      ::eventfd_read(wake_.get(), &count);
    }
    if ((waits[0].revents & ~POLLOUT) != 0) take_in();
    flush();
    changed_.notify_all();  // one of them reads where this one does not any more
  }
}

// What the socket takes; whoever waits for it takes care of the rest.
void Http2Connection::flush() {
  while (!out_.empty() && !broken_) {
    const ssize_t n = ::send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (n > 0) {
      out_.erase(0, static_cast<size_t>(n));
    } else if (n < 0 && errno == EAGAIN) {
      break;
    } else if (n == 0 || errno != EINTR) {
      fail(gone());
    }
  }
  if (!out_.empty() && someone_reads_) ::eventfd_write(wake_.get(), 1);
}

void Http2Connection::take_in() {
  const ssize_t n = ::recv(socket_.get(), in_.data() + begun_, kPiece, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return fail(gone());
  const auto came = static_cast<size_t>(n);
  small_in_a_row_ = came < kSmall || small_in_a_row_ >= kFlood ? small_in_a_row_ + 1 : 0;
  std::string_view rest(in_.data(), begun_ + came);
  while (rest.size() >= kHead && !broken_) {
    const uint32_t size = number_at(rest, 0, 3);
    if (size > kLargestFrame) return fail(violation("a frame is too large"));
    if (rest.size() < kHead + size) break;
    if (auto taken = take(frame_at(rest, size)); !taken) return fail(std::move(taken.error()));
    rest.remove_prefix(kHead + size);
  }
  std::memmove(in_.data(), rest.data(), rest.size());
  begun_ = rest.size();
  if (out_.size() > kMostAnswers) fail(violation("it reads no answers"));
}

void Http2Connection::fail(Error error) {
  if (broken_) return;
  broken_ = std::move(error);
  ::shutdown(socket_.get(), SHUT_RDWR);
  while (!streams_.empty()) end_stream(*streams_.begin()->second, *broken_);
  changed_.notify_all();
}

// The map may hold the last reference to it.
void Http2Connection::end_stream(Stream& stream, std::optional<Error> failure) {
  stream.ended_ = stream.ended_here_ = true;
  if (failure) stream.failure_ = std::move(failure);
  streams_.erase(stream.id_);
}

void Http2Connection::send(uint8_t type, uint8_t flags, uint32_t id, std::string_view payload) {
  small_in_a_row_ = 0;
  append_frame(out_, type, flags, id, payload);
}

void Http2Connection::send_window(uint32_t id, uint32_t bytes) {
  std::string payload;
  append_number(payload, bytes, 4);
  send(kWindowUpdate, 0, id, payload);
}

void Http2Connection::send_reset(uint32_t id, uint32_t reason) {
  std::string payload;
  append_number(payload, reason, 4);
  send(kReset, 0, id, payload);
}

Result<std::shared_ptr<Http2Connection::Stream>> Http2Connection::open(const Fields& fields) {
  std::string block;
  for (const auto& [name, value] : fields) hpack::append(block, name, value);
  const std::unique_lock lock(mutex_);
  if (broken_) return *broken_;
  if (refuses_ || next_id_ > kMostWindow) return gone();
  auto stream = std::make_shared<Stream>();
  stream->id_ = next_id_;
  stream->may_come_ = kReadAhead;
  stream->may_go_ = first_window_;
  next_id_ += 2;
  streams_[stream->id_] = stream;
  uint8_t type = kHeaders;
  std::string_view rest = block;
  do {
    const std::string_view piece = rest.substr(0, largest_frame_);
    rest.remove_prefix(piece.size());
    send(type, rest.empty() ? kEndHeaders : 0, stream->id_, piece);
    type = kContinuation;
  } while (!rest.empty());
  flush();
  return stream;
}

Result<> Http2Connection::write(Stream& stream, std::string_view bytes) {
  std::unique_lock lock(mutex_);
  while (!bytes.empty()) {
    wait_until(lock, [&] {
      return stream.ended_here_ || (stream.may_go_ > 0 && may_go_ > 0 && out_.size() < kMostOut);
    });
    if (broken_ || stream.ended_here_) return Error(Code::kUnavailable, "it takes no more");
    const auto room = static_cast<size_t>(std::min(stream.may_go_, may_go_));
    const std::string_view piece = bytes.substr(0, std::min<size_t>(room, largest_frame_));
    send(kData, 0, stream.id_, piece);
    stream.may_go_ -= static_cast<int64_t>(piece.size());
    may_go_ -= static_cast<int64_t>(piece.size());
    bytes.remove_prefix(piece.size());
    if (bytes.empty() || out_.size() >= kMostOut) flush();
  }
  return {};
}

void Http2Connection::end(Stream& stream) {
  const std::unique_lock lock(mutex_);
  if (std::exchange(stream.ended_here_, true)) return;
  send(kData, kEndStream, stream.id_, {});
  flush();
}

bool Http2Connection::read(Stream& stream, std::string& bytes) {
  std::unique_lock lock(mutex_);
  wait_until(lock, [&] { return !stream.in_.empty() || stream.ended_; });
  if (stream.in_.empty()) return false;
  if (bytes.empty()) {
    bytes.swap(stream.in_);
  } else {
    bytes += stream.in_;
    stream.in_.clear();
  }
  const int64_t used = kReadAhead - stream.may_come_;
  if (!stream.ended_ && used >= kReadAhead / 2) {
    stream.may_come_ = kReadAhead;
    send_window(stream.id_, static_cast<uint32_t>(used));
    flush();
  }
  return true;
}

void Http2Connection::cancel(Stream& stream) {
  const std::unique_lock lock(mutex_);
  stream.in_.clear();
  if (stream.ended_) return;
  send_reset(stream.id_, kCancelled);
  end_stream(stream, Error(Code::kCancelled, "cancelled"));
  flush();
  if (someone_reads_) ::eventfd_write(wake_.get(), 1);
  changed_.notify_all();
}

bool Http2Connection::alive() {
  {
    const std::unique_lock lock(mutex_);
    if (broken_) return false;
  }
  pollfd peer{socket_.get(), POLLRDHUP, 0};
  return ::poll(&peer, 1, 0) == 0;
}

Http2Connection::Stream* Http2Connection::find(uint32_t id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

Result<> Http2Connection::take(const Frame& frame) {
  const bool goes_on = frame.type == kContinuation && frame.id == block_of_;
  if (block_of_ != 0 && !goes_on) return violation("headers are not whole");
  switch (frame.type) {
    case kData:
      return take_data(frame);
    case kHeaders:
      return take_headers(frame);
    case kContinuation:
      if (block_of_ == 0) return violation("headers go on that have not begun");
      block_ += frame.payload;
      return take_block(frame.id, frame.has(kEndHeaders));
    case kReset:
      if (frame.payload.size() != 4) return violation("a reset has no reason");
      take_reset(frame);
      return {};
    case kSettings:
      return take_settings(frame);
    case kPing:
      if (frame.payload.size() != 8) return violation("a ping has another size");
      if (!frame.has(kAck)) send(kPing, kAck, 0, frame.payload);
      return {};
    case kGoodbye:
      if (frame.payload.size() < 8) return violation("a goodbye is too short");
      take_goodbye(frame);
      return {};
    case kWindowUpdate:
      return take_window(frame);
    case kPushPromise:
      return violation("it pushes");
    default:
      return {};  // may be ignored
  }
}

Result<> Http2Connection::take_data(const Frame& frame) {
  const auto content = frame.content();
  if (!content) return violation("padding is longer than its frame");
  const auto size = static_cast<int64_t>(frame.payload.size());
  came_ += size;
  if (came_ >= kReadAhead) send_window(0, static_cast<uint32_t>(std::exchange(came_, 0)));
  Stream* stream = find(frame.id);
  if (stream == nullptr) return {};  // it was under way when the stream ended
  stream->may_come_ -= size;
  if (stream->may_come_ < 0) return violation("it sends more of a stream than it may");
  stream->in_ += *content;
  if (frame.has(kEndStream)) take_end(*stream);
  return {};
}

Result<> Http2Connection::take_headers(const Frame& frame) {
  const auto content = frame.content();
  if (!content) return violation("padding is longer than its frame");
  block_ = *content;
  block_of_ = frame.id;
  block_ends_ = frame.has(kEndStream);
  return take_block(frame.id, frame.has(kEndHeaders));
}

// Those of a stream that is over count for the tables, too.
Result<> Http2Connection::take_block(uint32_t id, bool last) {
  if (block_.size() > hpack::Decoder::kMostOfBlock) return violation("headers are too large");
  if (!last) return {};
  block_of_ = 0;
  Fields fields = TRY(decoder_.decode(block_));
  Stream* stream = find(id);
  if (stream == nullptr) return {};
  if (block_ends_) stream->trailers_ = fields;
  if (!std::exchange(stream->has_headers_, true)) stream->headers_ = std::move(fields);
  if (block_ends_) take_end(*stream);
  return {};
}

// The peer keeps a stream until both ends have ended it.
void Http2Connection::take_end(Stream& stream) {
  if (!stream.ended_here_) send_reset(stream.id_, kNoError);
  end_stream(stream, std::nullopt);
}

Result<> Http2Connection::take_settings(const Frame& frame) {
  constexpr size_t kSize = 6;
  if (frame.has(kAck)) return {};
  if (frame.payload.size() % kSize != 0) return violation("settings are not whole");
  for (size_t at = 0; at < frame.payload.size(); at += kSize) {
    const auto name = static_cast<uint16_t>(number_at(frame.payload, at, 2));
    TRY(take_setting(name, number_at(frame.payload, at + 2, 4)));
  }
  send(kSettings, kAck, 0, {});
  return {};
}

Result<> Http2Connection::take_setting(uint16_t name, uint32_t value) {
  if (name == kMaxFrame) {
    if (value < kLargestFrame || value >= 1U << 24U) return violation("a size of frames");
    largest_frame_ = value;
  }
  if (name != kInitialWindow) return {};
  if (value > kMostWindow) return violation("a window is too large");
  const int64_t more = value - std::exchange(first_window_, value);
  for (auto& [id, stream] : streams_) stream->may_go_ += more;
  return {};
}

Result<> Http2Connection::take_window(const Frame& frame) {
  if (frame.payload.size() != 4) return violation("a window has another size");
  const uint32_t more = number_at(frame.payload, 0, 4) & kMostWindow;
  Stream* stream = find(frame.id);
  if (frame.id != 0 && stream == nullptr) return {};
  int64_t& window = frame.id == 0 ? may_go_ : stream->may_go_;
  window += more;
  if (window > kMostWindow) return violation("a window is too large");
  return {};
}

void Http2Connection::take_reset(const Frame& frame) {
  Stream* stream = find(frame.id);
  if (stream != nullptr) end_stream(*stream, failure_of_reset(number_at(frame.payload, 0, 4)));
}

// Streams that it has not begun with it does not serve.
void Http2Connection::take_goodbye(const Frame& frame) {
  refuses_ = true;
  const uint32_t last = number_at(frame.payload, 0, 4) & kMostWindow;
  while (!streams_.empty() && streams_.rbegin()->first > last) {
    end_stream(*streams_.rbegin()->second, gone());
  }
}

}  // namespace skiff::buildkit
