#include "buildkit/http2_connection.h"

#include <fcntl.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "base/strings.h"

namespace skiff::buildkit {

namespace {

constexpr size_t kSocketPiece = size_t{64} << 10U;  // that is read or written at once
constexpr uint32_t kMostOfHeaders = 64U << 10U;     // the library's own bound

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

std::optional<Error> failure_of_close(uint32_t reason) {
  if (reason == NGHTTP2_NO_ERROR) return std::nullopt;
  if (reason == NGHTTP2_CANCEL) return Error(Code::kCancelled, "the client has given it up");
  if (reason == NGHTTP2_REFUSED_STREAM) {
    return Error(Code::kUnavailable, "the client refuses it");
  }
  return Error(Code::kInternal, cat("the stream has broken: ", ::nghttp2_http2_strerror(reason)));
}

std::string_view text(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

uint8_t* bytes_of(const std::string& text) {
  return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
}

}  // namespace

// All are called with the lock held, by what the connection asks of the library.
struct Http2Connection::Callbacks {
  static Http2Connection& self(void* user) { return *static_cast<Http2Connection*>(user); }

  static int on_header(nghttp2_session* /*session*/, const nghttp2_frame* frame,
                       const uint8_t* name, size_t name_size, const uint8_t* value,
                       size_t value_size, uint8_t /*flags*/, void* user) {
    Stream* stream = self(user).find(frame->hd.stream_id);
    if (stream == nullptr) return 0;
    Fields& fields = stream->has_headers_ ? stream->trailers_ : stream->headers_;
    fields.push_back({std::string(text(name, name_size)), std::string(text(value, value_size))});
    return 0;
  }

  static int on_data(nghttp2_session* session, uint8_t /*flags*/, int32_t id, const uint8_t* bytes,
                     size_t size, void* user) {
    // Each stream has its own bound: together they have none that one could use up for the others.
    ::nghttp2_session_consume_connection(session, size);
    if (Stream* stream = self(user).find(id)) stream->in_ += text(bytes, size);
    return 0;
  }

  static int on_frame(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* user) {
    Stream* stream = self(user).find(frame->hd.stream_id);
    if (stream == nullptr) return 0;
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_HEADERS) {
      if (!stream->has_headers_ && ends) stream->trailers_ = stream->headers_;
      stream->has_headers_ = true;
    }
    const bool may_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (may_end && ends) self(user).take_end(*stream);
    return 0;
  }

  static int on_close(nghttp2_session* /*session*/, int32_t id, uint32_t reason, void* user) {
    if (Stream* stream = self(user).find(id)) {
      self(user).end_stream(*stream, failure_of_close(reason));
    }
    return 0;
  }

  // The library ends a connection whose peer breaks the protocol by a goodbye of ours.
  static int on_sent(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      self(user).fail(violation(::nghttp2_http2_strerror(frame->goaway.error_code)));
    }
    return 0;
  }

  // A request that waited for its turn, of a peer that takes none any more.
  static int on_not_sent(nghttp2_session* /*session*/, const nghttp2_frame* frame, int /*reason*/,
                         void* user) {
    Stream* stream = self(user).find(frame->hd.stream_id);
    if (stream != nullptr && frame->hd.type == NGHTTP2_HEADERS) {
      self(user).end_stream(*stream, gone());
    }
    return 0;
  }

  static ssize_t give(nghttp2_session* /*session*/, int32_t id, uint8_t* into, size_t size,
                      uint32_t* flags, nghttp2_data_source* /*source*/, void* user) {
    Stream* stream = self(user).find(id);
    if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const size_t given = std::min(size, stream->out_.size() - stream->taken_);
    if (given == 0 && !stream->ended_here_) return NGHTTP2_ERR_DEFERRED;
    std::memcpy(into, stream->out_.data() + stream->taken_, given);
    stream->taken_ += given;
    if (stream->taken_ == stream->out_.size()) {
      stream->out_.clear();
      stream->taken_ = 0;
      if (stream->ended_here_) *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return static_cast<ssize_t>(given);
  }

  // What is to be said in the requests and answers is gRPC's to judge; windows of streams are
  // opened by who reads them.
  static nghttp2_session* start(Http2Connection& connection) {
    nghttp2_session_callbacks* callbacks = nullptr;
    ::nghttp2_session_callbacks_new(&callbacks);
    ::nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    ::nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    ::nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    ::nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    ::nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_sent);
    ::nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_not_sent);
    nghttp2_option* options = nullptr;
    ::nghttp2_option_new(&options);
    ::nghttp2_option_set_no_auto_window_update(options, 1);
    ::nghttp2_option_set_no_http_messaging(options, 1);
    nghttp2_session* session = nullptr;
    ::nghttp2_session_client_new2(&session, callbacks, &connection, options);
    ::nghttp2_option_del(options);
    ::nghttp2_session_callbacks_del(callbacks);
    return session;
  }
};

void Http2Connection::Close::operator()(nghttp2_session* session) const {
  ::nghttp2_session_del(session);
}

Http2Connection::Http2Connection(UniqueFd socket)
    : socket_(std::move(socket)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      session_(Callbacks::start(*this)),
      in_(kSocketPiece) {
  ::fcntl(socket_.get(), F_SETFL, ::fcntl(socket_.get(), F_GETFL) | O_NONBLOCK);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kReadAhead},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMostOfHeaders}};
  ::nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, settings, std::size(settings));
  ::nghttp2_session_set_local_window_size(session_.get(), NGHTTP2_FLAG_NONE, 0, 2 * kReadAhead);
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

void Http2Connection::take_in() {
  const ssize_t n = ::recv(socket_.get(), in_.data(), in_.size(), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return fail(gone());
  const auto came = static_cast<size_t>(n);
  small_in_a_row_ = came < kSmall || small_in_a_row_ >= kFlood ? small_in_a_row_ + 1 : 0;
  const ssize_t taken = ::nghttp2_session_mem_recv(session_.get(), in_.data(), came);
  if (taken < 0) return fail(violation(::nghttp2_strerror(static_cast<int>(taken))));
}

// What the socket takes; whoever waits for it takes care of the rest.
void Http2Connection::flush() {
  while (!broken_) {
    if (out_.empty()) {
      const uint8_t* bytes = nullptr;
      const ssize_t size = ::nghttp2_session_mem_send(session_.get(), &bytes);
      if (size < 0) return fail(violation(::nghttp2_strerror(static_cast<int>(size))));
      if (size == 0) break;
      small_in_a_row_ = 0;
      out_ = text(bytes, static_cast<size_t>(size));
    }
    const ssize_t n = ::send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (n > 0) {
      out_.erase(0, static_cast<size_t>(n));
    } else if (n < 0 && errno == EAGAIN) {
      break;
    } else if (n == 0 || errno != EINTR) {
      return fail(gone());
    }
  }
  // The peer has said goodbye, and nothing of it is under way any more.
  const bool goes_on = ::nghttp2_session_want_read(session_.get()) != 0 ||
                       ::nghttp2_session_want_write(session_.get()) != 0;
  if (!goes_on) fail(gone());
  if (!out_.empty() && someone_reads_) ::eventfd_write(wake_.get(), 1);
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

// The peer keeps a stream until both ends have ended it.
void Http2Connection::take_end(Stream& stream) {
  if (!stream.ended_here_ || !stream.out_.empty()) {
    ::nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream.id_, NGHTTP2_NO_ERROR);
  }
  end_stream(stream, std::nullopt);
}

Http2Connection::Stream* Http2Connection::find(int32_t id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

Result<std::shared_ptr<Http2Connection::Stream>> Http2Connection::open(const Fields& fields) {
  std::vector<nghttp2_nv> pairs;
  for (const auto& [name, value] : fields) {
    pairs.push_back(
        {bytes_of(name), bytes_of(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  const std::unique_lock lock(mutex_);
  if (broken_) return *broken_;
  const nghttp2_data_provider body{.source = {}, .read_callback = Callbacks::give};
  const int32_t id =
      ::nghttp2_submit_request(session_.get(), nullptr, pairs.data(), pairs.size(), &body, nullptr);
  if (id < 0) return gone();  // it takes no new streams
  auto stream = std::make_shared<Stream>();
  stream->id_ = id;
  streams_[id] = stream;
  flush();
  if (stream->failure_) return *stream->failure_;
  return stream;
}

Result<> Http2Connection::write(Stream& stream, std::string_view bytes) {
  std::unique_lock lock(mutex_);
  const auto is_taken = [&] { return stream.ended_here_ || stream.out_.empty(); };
  while (!bytes.empty()) {
    wait_until(lock, is_taken);  // another writer's
    if (broken_ || stream.ended_here_) return Error(Code::kUnavailable, "it takes no more");
    const std::string_view piece = bytes.substr(0, kSocketPiece);
    stream.out_ = piece;
    bytes.remove_prefix(piece.size());
    ::nghttp2_session_resume_data(session_.get(), stream.id_);
    flush();
    wait_until(lock, is_taken);
  }
  return {};
}

void Http2Connection::end(Stream& stream) {
  const std::unique_lock lock(mutex_);
  if (std::exchange(stream.ended_here_, true)) return;
  ::nghttp2_session_resume_data(session_.get(), stream.id_);
  flush();
}

bool Http2Connection::read(Stream& stream, std::string& bytes) {
  std::unique_lock lock(mutex_);
  wait_until(lock, [&] { return !stream.in_.empty() || stream.ended_; });
  if (stream.in_.empty()) return false;
  const size_t size = stream.in_.size();
  if (bytes.empty()) {
    bytes.swap(stream.in_);
  } else {
    bytes += stream.in_;
    stream.in_.clear();
  }
  if (!stream.ended_) {
    ::nghttp2_session_consume_stream(session_.get(), stream.id_, size);
    flush();
  }
  return true;
}

void Http2Connection::cancel(Stream& stream) {
  const std::unique_lock lock(mutex_);
  stream.in_.clear();
  if (stream.ended_) return;
  ::nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream.id_, NGHTTP2_CANCEL);
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

}  // namespace skiff::buildkit
