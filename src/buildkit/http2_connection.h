// Http2Connection: the client's end of HTTP/2 (RFC 9113) over a socket: requests whose bodies are
// streams of bytes both ways. The protocol is libnghttp2's; sockets, waiting and bounds are here.
//
//   auto stream = TRY(connection->open({{":method", "POST"}, {":path", "/a.B/C"}}));
//   TRY(connection->write(*stream, bytes)); connection->end(*stream);
//   while (connection->read(*stream, bytes)) {}     // until the peer ends it
//   stream->trailers()
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

struct nghttp2_session;

namespace skiff::buildkit {

class Http2Connection {
 public:
  // How much of a stream may come before it is read.
  static constexpr uint32_t kReadAhead = 4U << 20U;

  struct Field {
    std::string name;
    std::string value;
    bool operator==(const Field&) const = default;
  };
  using Fields = std::vector<Field>;

  class Stream {
   public:
    // Once it has ended. The first and the last headers of the peer; the first may be the last.
    const Fields& headers() const { return headers_; }
    const Fields& trailers() const { return trailers_; }
    // Why it ended before its trailers came.
    const std::optional<Error>& failure() const { return failure_; }

   private:
    friend class Http2Connection;
    int32_t id_ = 0;
    Fields headers_;
    Fields trailers_;
    std::optional<Error> failure_;
    std::string in_;   // not read yet
    std::string out_;  // to be sent, from taken_ on
    size_t taken_ = 0;
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
  struct Callbacks;  // of the library
  struct Close {
    void operator()(nghttp2_session* session) const;
  };

  template <typename Done>
  void wait_until(std::unique_lock<std::mutex>& lock, const Done& done);
  void take_in();
  void flush();
  void fail(Error error);
  void end_stream(Stream& stream, std::optional<Error> failure);
  void take_end(Stream& stream);
  Stream* find(int32_t id);

  const UniqueFd socket_;
  const UniqueFd wake_;  // whoever reads for all
  std::mutex mutex_;     // of what follows
  std::condition_variable changed_;
  bool someone_reads_ = false;
  std::optional<Error> broken_;
  std::unique_ptr<nghttp2_session, Close> session_;
  std::vector<uint8_t> in_;
  int small_in_a_row_ = 0;                              // pieces that came
  std::string out_;                                     // what the socket does not take yet
  std::map<int32_t, std::shared_ptr<Stream>> streams_;  // that have not ended
};

}  // namespace skiff::buildkit
