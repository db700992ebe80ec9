// Http2Connection: the client's end of HTTP/2 (RFC 9113) over a socket: requests whose bodies are
// streams of bytes both ways.
//
//   auto stream = TRY(connection->open({{":method", "POST"}, {":path", "/a.B/C"}}));
//   TRY(connection->write(*stream, bytes)); connection->end(*stream);
//   while (connection->read(*stream, bytes)) {}     // until the peer ends it
//   stream->trailers
//
// It has no thread of its own. Of those that wait one reads the socket for all, so that what comes
// for one that waits reaches it without a change of threads; what comes while nobody waits lies in
// the socket. What a peer sends is hostile: what is kept of it is bounded. Thread-safe, and one
// thread may read a stream while another writes it.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "buildkit/hpack.h"

namespace skiff::buildkit {

namespace http2 {
struct Frame;
}

class Http2Connection {
 public:
  // How much of a stream may come before it is read.
  static constexpr uint32_t kReadAhead = 4U << 20U;

  using Fields = std::vector<hpack::Field>;

  class Stream {
   public:
    // Once it has ended. The first and the last headers of the peer; the first may be the last.
    const Fields& headers() const { return headers_; }
    const Fields& trailers() const { return trailers_; }
    // Why it ended before its trailers came.
    const std::optional<Error>& failure() const { return failure_; }

   private:
    friend class Http2Connection;
    uint32_t id_ = 0;
    Fields headers_;
    Fields trailers_;
    std::optional<Error> failure_;
    std::string in_;        // not read yet
    int64_t may_come_ = 0;  // what the peer may still send
    int64_t may_go_ = 0;    // what we may still send
    bool has_headers_ = false;
    bool ended_ = false;       // by the peer, or for a failure
    bool ended_here_ = false;  // nothing more goes
  };

  // The socket's other end expects a client.
  explicit Http2Connection(UniqueFd socket);

  Result<std::shared_ptr<Stream>> open(const Fields& fields);
  // Waits until the peer takes it. kUnavailable: the stream has ended.
  Result<> write(Stream& stream, std::string_view bytes);
  void end(Stream& stream);
  // Waits for more, and appends it. False at the stream's end.
  bool read(Stream& stream, std::string& bytes);
  // Ends the stream, wherever it is; who waits for it waits no longer.
  void cancel(Stream& stream);
  // False once the peer is gone.
  bool alive();

 private:
  template <typename Done>
  void wait_until(std::unique_lock<std::mutex>& lock, const Done& done);
  void flush();
  void take_in();
  void fail(Error error);
  void end_stream(Stream& stream, std::optional<Error> failure);
  void send(uint8_t type, uint8_t flags, uint32_t id, std::string_view payload);
  void send_window(uint32_t id, uint32_t bytes);
  void send_reset(uint32_t id, uint32_t reason);
  Stream* find(uint32_t id);
  Result<> take(const http2::Frame& frame);
  Result<> take_data(const http2::Frame& frame);
  Result<> take_headers(const http2::Frame& frame);
  Result<> take_block(uint32_t id, bool last);
  void take_end(Stream& stream);
  Result<> take_settings(const http2::Frame& frame);
  Result<> take_setting(uint16_t name, uint32_t value);
  Result<> take_window(const http2::Frame& frame);
  void take_reset(const http2::Frame& frame);
  void take_goodbye(const http2::Frame& frame);

  const UniqueFd socket_;
  const UniqueFd wake_;  // whoever reads for all
  std::mutex mutex_;     // of what follows
  std::condition_variable changed_;
  bool someone_reads_ = false;
  std::optional<Error> broken_;
  bool refuses_ = false;    // takes no new streams
  std::vector<char> in_;    // begins with what has come of a frame that is not whole
  size_t begun_ = 0;        // how much that is
  int small_in_a_row_ = 0;  // pieces that came
  std::string out_;         // what the socket does not take yet
  hpack::Decoder decoder_;
  std::string block_;        // of headers, until it is whole
  uint32_t block_of_ = 0;    // whose; 0: none is under way
  bool block_ends_ = false;  // its stream
  uint32_t next_id_ = 1;
  uint32_t largest_frame_ = 16384;  // that the peer takes
  int64_t first_window_ = 65535;    // of a new stream, to the peer
  int64_t may_go_ = 65535;          // of all streams
  int64_t came_ = 0;                // of all streams, since the peer was told that it may send more
  std::map<uint32_t, std::shared_ptr<Stream>> streams_;  // that have not ended
};

}  // namespace skiff::buildkit
