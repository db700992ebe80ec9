// TLS on an accepted socket, over OpenSSL (kept inside tls.cpp): version 1.2 or newer,
// HTTP/1.1 by ALPN, optionally with certificates demanded from clients.
#pragma once

#include <memory>

#include "base/file.h"
#include "base/unique_fd.h"
#include "net/stream.h"

namespace skiff::net {

struct TlsFiles {
  Path certificate;  // PEM chain
  Path key;
  Path client_ca;                // when set, clients must present a certificate of it
  bool client_optional = false;  // or none; one that is not of it ends the handshake all the same
};

// What the first certificate of a PEM file says, verified or not.
Result<PeerCertificate> read_certificate(const Path& file);

// The loaded certificate and key. Immutable; thread-safe.
class TlsContext {
 public:
  // Errors name the file.
  static Result<TlsContext> load(const TlsFiles& files);
  TlsContext(TlsContext&&) noexcept;
  ~TlsContext();

  // The stream of an accepted socket, which it makes non-blocking and takes. Hands are not shaken
  // yet: Stream::shake_hands.
  Result<std::unique_ptr<Stream>> accept(UniqueFd& socket) const;

 private:
  struct Impl;
  explicit TlsContext(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace skiff::net
