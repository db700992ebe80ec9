// Stream: one connection, plain or TLS, over TCP or a Unix socket. Blocking. One thread may
// read while another writes; no other sharing. A peer that is gone is an Error, never SIGPIPE.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/io.h"
#include "base/unique_fd.h"
#include "net/pace.h"

namespace skiff::net {

struct PeerCertificate {
  std::string subject;      // RFC 2253: "CN=build,O=Example"
  std::string fingerprint;  // SHA-256 of the certificate, in small hexadecimal digits
  std::string key;          // the same of its SubjectPublicKeyInfo
  // Its subject alternative names: "DNS:ci.example", "email:ann@example", "URI:spiffe://a/b".
  std::vector<std::string> names;
};

class Stream : public Source, public Sink {
 public:
  // The socket, for poll(2). With TLS, buffered plain bytes are not visible on it.
  virtual int fd() const = 0;
  // True for a plain socket, where raw reads, writes and sendfile on fd() are right.
  virtual bool is_plain() const = 0;
  // Goes on with what comes before the first byte, without waiting for the peer: true once that is
  // done, false where the peer has to send more of it first.
  virtual Result<bool> shake_hands() { return true; }
  // Sends the end of our direction; the other goes on (close_notify under TLS).
  virtual Result<> shutdown_write() = 0;
  // `size` bytes of `file` from `offset`: sendfile(2) on a plain socket.
  virtual Result<> send_file(int file, uint64_t offset, uint64_t size) = 0;
  // As write(), of bytes that others follow at once: they may leave together.
  virtual Result<> write_more(std::string_view bytes) { return write(bytes); }
  // How long one read may wait for a byte before it fails with kDeadlineExceeded; 0 is for ever.
  virtual void set_read_timeout(std::chrono::milliseconds timeout) = 0;
  // From now on a write or send_file whose bytes the peer takes too slowly fails with
  // kDeadlineExceeded; {} lifts it. What the peer's system acknowledges counts as taken.
  virtual void set_write_limit(PaceLimit limit) = 0;
  // The two without waiting: what is there now, or what there is room for now; 0 bytes of a read
  // are the end, nullopt is nothing yet.
  virtual Result<std::optional<size_t>> read_now(std::span<char> buffer) = 0;
  virtual Result<size_t> write_now(std::string_view bytes) = 0;
  // What the peer proved to be by a certificate of an authority that was asked for; else nullptr.
  virtual const PeerCertificate* peer_certificate() const { return nullptr; }
  // Whether the next read is served from bytes that left the socket before (TLS records).
  virtual bool has_buffered() const { return false; }
};

std::unique_ptr<Stream> make_plain_stream(UniqueFd socket);

Result<UniqueFd> connect_unix(const Path& path);
Result<UniqueFd> connect_tcp(const std::string& host, uint16_t port);
// A listening socket with `mode` on its file; a stale file is replaced, a live one refused.
Result<UniqueFd> listen_unix(const Path& path, mode_t mode = 0660);
// "127.0.0.1:5000", "[::1]:5000", ":5000"; port 0 takes a free one.
Result<UniqueFd> listen_tcp(const std::string& address);
Result<uint16_t> local_port(int socket);

}  // namespace skiff::net
