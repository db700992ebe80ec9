// MessageReader: HTTP/1.1 messages out of a stream, one after the other (RFC 9112). The
// grammar is Boost.Beast's parser, kept inside message_reader.cpp.
//
//   MessageReader in(MessageReader::Role::kRequests);
//   while (std::optional<MessageHead> head = TRY(in.read_head(stream))) {
//     ... in.read_body(stream, buffer) until it gives 0 ...
//   }
//
// Refused as ambiguous (request smuggling): Content-Length beside Transfer-Encoding, several
// lengths, any transfer coding but "chunked", a field name with blanks, in a request a field
// folded over lines; request_shapes_test.cpp has the table. A request whose head is larger than
// 64 KiB or 256 fields fails with kResourceExhausted, if by its target alone with kOutOfRange;
// other breaches of the grammar with kInvalidArgument, another version with kUnimplemented, an
// end in the middle with kDataLoss.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/io.h"
#include "net/http.h"

namespace skiff::net {

constexpr size_t kMaxHead = size_t{64} * 1024;

struct MessageHead {
  std::string method;  // of a request
  std::string target;
  int status = 0;    // of a response
  int version = 11;  // 10 or 11; 20 for the HTTP/2 preface ("PRI * HTTP/2.0")
  Headers headers;
  bool keep_alive = false;
  bool chunked = false;
  std::optional<uint64_t> content_length;
};

class MessageReader {
 public:
  enum class Role { kRequests, kResponses };

  explicit MessageReader(Role role);
  MessageReader(MessageReader&&) noexcept;
  MessageReader& operator=(MessageReader&&) noexcept;
  ~MessageReader();

  // The next message's head; nullopt when the stream ends before its first byte. Where the stream
  // itself fails, a request's head can be read on from there by the next call.
  Result<std::optional<MessageHead>> read_head(Source& stream);
  // Declares that the message just begun has no body, whatever its fields say (answers to
  // HEAD, upgrades).
  void no_body();
  // 0 at the end of the body.
  Result<size_t> read_body(Source& stream, std::span<char> buffer);
  bool body_finished() const;
  // Body bytes still to come where the length is known.
  std::optional<uint64_t> body_left() const;

  // Whether a head has begun that read_head() has not given yet.
  bool within_head() const;
  // Whether bytes beyond the current position are at hand.
  bool has_buffered() const;
  // Gives them away; the reader is of no use afterwards.
  std::string take_buffered();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skiff::net
