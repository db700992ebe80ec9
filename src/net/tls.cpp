#include "net/tls.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <optional>

#include "base/strings.h"
#include "net/paced_writer.h"

namespace skiff::net {

namespace {

constexpr size_t kFileStep = size_t{64} * 1024;

// What OpenSSL queued as reasons on this thread, newest last; the queue is empty afterwards.
Error tls_error(Code code, std::string_view what) {
  std::string text(what);
  while (unsigned long e = ::ERR_get_error()) {
    const char* reason = ::ERR_reason_error_string(e);
    text.append(": ").append(reason != nullptr ? reason : "unknown TLS error");
  }
  return {code, std::move(text)};
}

// A BIO on a socket that sends with MSG_NOSIGNAL, which OpenSSL's own does not.
int bio_write(BIO* bio, const char* data, int size) {
  ::BIO_clear_retry_flags(bio);
  int fd = static_cast<int>(reinterpret_cast<intptr_t>(::BIO_get_data(bio)));
  ssize_t n = ::send(fd, data, static_cast<size_t>(size), MSG_NOSIGNAL);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) ::BIO_set_retry_write(bio);
  return static_cast<int>(n);
}

int bio_read(BIO* bio, char* data, int size) {
  ::BIO_clear_retry_flags(bio);
  int fd = static_cast<int>(reinterpret_cast<intptr_t>(::BIO_get_data(bio)));
  ssize_t n = ::recv(fd, data, static_cast<size_t>(size), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) ::BIO_set_retry_read(bio);
  return static_cast<int>(n);
}

long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BIO* make_bio(int fd) {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* m = ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "skiff socket");
    ::BIO_meth_set_write(m, bio_write);
    ::BIO_meth_set_read(m, bio_read);
    ::BIO_meth_set_ctrl(m, bio_control);
    return m;
  }();
  BIO* bio = ::BIO_new(method);
  // NOLINTNEXTLINE(performance-no-int-to-ptr): no pointer, but the number in the place of one.
  ::BIO_set_data(bio, reinterpret_cast<void*>(static_cast<intptr_t>(fd)));
  ::BIO_set_init(bio, 1);
  return bio;
}

struct FreeSsl {
  void operator()(SSL* ssl) const { ::SSL_free(ssl); }
};
struct FreeSslContext {
  void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
};

struct FreeCertificate {
  void operator()(X509* certificate) const { ::X509_free(certificate); }
};
struct FreeNames {
  void operator()(GENERAL_NAMES* names) const { ::GENERAL_NAMES_free(names); }
};
struct FreeBio {
  void operator()(BIO* bio) const { ::BIO_free(bio); }
};

std::string hex_of(const std::array<unsigned char, EVP_MAX_MD_SIZE>& hash, unsigned int size) {
  return to_hex({reinterpret_cast<const char*>(hash.data()), size});
}

// SHA-256 of its DER form.
std::string key_of(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = ::i2d_X509_PUBKEY(::X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) return "";
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash;
  unsigned int hash_size = 0;
  const int hashed = ::EVP_Digest(der, static_cast<size_t>(size), hash.data(), &hash_size,
                                  ::EVP_sha256(), nullptr);
  ::OPENSSL_free(der);
  return hashed == 1 ? hex_of(hash, hash_size) : "";
}

// A name with a NUL in it is not what others read it as: left out.
std::vector<std::string> names_of(X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, FreeNames> names(static_cast<GENERAL_NAMES*>(
      ::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::vector<std::string> out;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    const char* kind = name->type == GEN_DNS     ? "DNS:"
                       : name->type == GEN_EMAIL ? "email:"
                       : name->type == GEN_URI   ? "URI:"
                                                 : nullptr;
    if (kind == nullptr) continue;
    const std::string text(reinterpret_cast<const char*>(::ASN1_STRING_get0_data(name->d.ia5)),
                           static_cast<size_t>(::ASN1_STRING_length(name->d.ia5)));
    if (text.find('\0') == std::string::npos) out.push_back(kind + text);
  }
  return out;
}

std::optional<PeerCertificate> describe(X509* certificate) {
  const std::unique_ptr<BIO, FreeBio> text(::BIO_new(::BIO_s_mem()));
  ::X509_NAME_print_ex(text.get(), ::X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* subject = nullptr;
  const long size = BIO_get_mem_data(text.get(), &subject);
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash;
  unsigned int hash_size = 0;
  if (::X509_digest(certificate, ::EVP_sha256(), hash.data(), &hash_size) != 1) {
    return std::nullopt;
  }
  PeerCertificate out;
  out.subject.assign(subject, static_cast<size_t>(std::max(size, 0L)));
  out.fingerprint = hex_of(hash, hash_size);
  out.key = key_of(certificate);
  out.names = names_of(certificate);
  return out;
}

// Only one that was verified.
std::optional<PeerCertificate> certificate_of_peer(SSL* ssl) {
  const std::unique_ptr<X509, FreeCertificate> certificate(::SSL_get1_peer_certificate(ssl));
  if (!certificate || ::SSL_get_verify_result(ssl) != X509_V_OK) return std::nullopt;
  return describe(certificate.get());
}

// The socket is non-blocking and waited for outside the lock, so that one thread's read
// never holds up another's write.
class TlsStream : public Stream {
  using Clock = std::chrono::steady_clock;

 public:
  TlsStream(UniqueFd socket, std::unique_ptr<SSL, FreeSsl> ssl)
      : socket_(std::move(socket)), ssl_(std::move(ssl)) {}
  ~TlsStream() override {
    ::SSL_shutdown(ssl_.get());  // best effort: the peer may be gone
    ::ERR_clear_error();
  }

  Result<bool> shake_hands() override {
    constexpr const char* kWhat = "TLS handshake";
    for (;;) {
      const Progress made = TRY(attempt(kWhat, [&] { return ::SSL_accept(ssl_.get()); }));
      if (made == Progress::kClosed) return Error(Code::kUnavailable, "the peer has closed");
      if (made == Progress::kDone) break;
      if (blocked_on() == POLLIN) return false;
      TRY(wait(POLLOUT, kWhat));
    }
    certificate_ = certificate_of_peer(ssl_.get());
    return true;
  }

  Result<size_t> read(std::span<char> buffer) override {
    size_t n = 0;
    bool more = TRY(drive("read from TLS connection", [&] {
      return ::SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &n);
    }));
    return more ? n : size_t{0};
  }

  Result<> write(std::string_view bytes) override {
    while (!bytes.empty()) {
      size_t n = 0;
      bool open = TRY(drive("write to TLS connection", [&] {
        return ::SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &n);
      }));
      if (!open) return Error::from_errno(EPIPE, "write to TLS connection");
      writer_.sent(n);
      bytes.remove_prefix(n);
    }
    return {};
  }

  Result<std::optional<size_t>> read_now(std::span<char> buffer) override {
    size_t n = 0;
    const Progress made = TRY(attempt("read from TLS connection", [&] {
      return ::SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &n);
    }));
    if (made == Progress::kBlocked) return std::optional<size_t>();
    return std::optional(made == Progress::kDone ? n : size_t{0});
  }

  Result<size_t> write_now(std::string_view bytes) override {
    size_t n = 0;
    const Progress made = TRY(attempt("write to TLS connection", [&] {
      return ::SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &n);
    }));
    if (made == Progress::kClosed) return Error::from_errno(EPIPE, "write to TLS connection");
    return made == Progress::kDone ? n : size_t{0};
  }

  int fd() const override { return socket_.get(); }
  bool is_plain() const override { return false; }

  Result<> shutdown_write() override {
    std::scoped_lock lock(mutex_);
    ::ERR_clear_error();
    if (::SSL_shutdown(ssl_.get()) >= 0) return {};
    return tls_error(Code::kUnavailable, "shut down TLS connection");
  }

  Result<> send_file(int file, uint64_t offset, uint64_t size) override {
    std::string buffer(std::min<uint64_t>(size, kFileStep), '\0');
    while (size > 0) {
      ssize_t n = ::pread(file, buffer.data(), std::min<uint64_t>(size, buffer.size()),
                          static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Error::from_errno(errno, "send file");
      if (n == 0) return Error(Code::kDataLoss, cat("send file: it ends ", size, " bytes early"));
      TRY(write(std::string_view(buffer).substr(0, static_cast<size_t>(n))));
      offset += static_cast<uint64_t>(n);
      size -= static_cast<uint64_t>(n);
    }
    return {};
  }

  void set_read_timeout(std::chrono::milliseconds timeout) override { timeout_ = timeout; }
  void set_write_limit(PaceLimit limit) override { writer_ = PacedWriter(limit); }
  const PeerCertificate* peer_certificate() const override {
    return certificate_ ? &*certificate_ : nullptr;
  }
  bool has_buffered() const override { return ::SSL_has_pending(ssl_.get()) == 1; }

 private:
  enum class Progress { kDone, kClosed, kBlocked };

  // Calls `step` once; where it is blocked, blocked_on() tells by what.
  template <typename Step>
  Result<Progress> attempt(const char* what, Step step) {
    std::scoped_lock lock(mutex_);
    ::ERR_clear_error();
    errno = 0;
    const int rc = step();
    const int saved_errno = errno;
    if (rc > 0) return Progress::kDone;
    switch (::SSL_get_error(ssl_.get(), rc)) {
      case SSL_ERROR_SSL:
        return tls_error(Code::kUnavailable, what);
      case SSL_ERROR_WANT_READ:
        blocked_on() = POLLIN;
        return Progress::kBlocked;
      case SSL_ERROR_WANT_WRITE:
        blocked_on() = POLLOUT;
        return Progress::kBlocked;
      case SSL_ERROR_ZERO_RETURN:
        return Progress::kClosed;
      default:
        // A peer that leaves without close_notify truncates: never a clean end.
        return Error::from_errno(saved_errno != 0 ? saved_errno : ECONNRESET, what);
    }
  }

  // Of this thread's last attempt: another thread may use the other direction.
  static short& blocked_on() {
    static thread_local short events = 0;
    return events;
  }

  // Calls `step` until it is done: true when it is, false when the peer has closed.
  template <typename Step>
  Result<bool> drive(const char* what, Step step) {
    for (;;) {
      const Progress made = TRY(attempt(what, step));
      if (made != Progress::kBlocked) return made == Progress::kDone;
      TRY(wait(blocked_on(), what));
    }
  }

  Result<> wait(short events, const char* what) {
    pollfd item{.fd = socket_.get(), .events = events, .revents = 0};
    std::chrono::milliseconds limit{-1};
    if (timeout_.count() > 0 && events == POLLIN) limit = timeout_;
    if (writer_.patience().count() > 0 && events == POLLOUT) limit = writer_.patience();
    const auto begun = Clock::now();
    int rc = ::poll(&item, 1, system_milliseconds(limit));
    const bool may_be_slow = events == POLLOUT && rc >= 0 && limit.count() > 0;
    if (may_be_slow)
      return writer_.waited(socket_.get(), Clock::now() - begun, rc == 0).context(what);
    if (rc == 0) return Error(Code::kDeadlineExceeded, cat(what, ": timed out"));
    if (rc < 0 && errno != EINTR) return Error::from_errno(errno, what);
    return {};
  }

  UniqueFd socket_;
  std::mutex mutex_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  std::chrono::milliseconds timeout_{0};  // for each wait to read
  PacedWriter writer_;
  std::optional<PeerCertificate> certificate_;
};

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* in, unsigned int in_size, void*) {
  static constexpr unsigned char kHttp11[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  int rc = ::SSL_select_next_proto(&chosen, out_size, kHttp11, sizeof kHttp11 - 1, in, in_size);
  *out = chosen;
  return rc == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

}  // namespace

struct TlsContext::Impl {
  std::unique_ptr<SSL_CTX, FreeSslContext> context;
};

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::TlsContext(TlsContext&&) noexcept = default;
TlsContext::~TlsContext() = default;

Result<PeerCertificate> read_certificate(const Path& file) {
  ::ERR_clear_error();
  const std::unique_ptr<BIO, FreeBio> source(::BIO_new_file(file.c_str(), "r"));
  if (!source) return tls_error(Code::kNotFound, cat("read certificate ", file.native()));
  const std::unique_ptr<X509, FreeCertificate> certificate(
      ::PEM_read_bio_X509(source.get(), nullptr, nullptr, nullptr));
  const auto read = certificate ? describe(certificate.get()) : std::nullopt;
  if (!read) return tls_error(Code::kInvalidArgument, cat("read certificate ", file.native()));
  return *read;
}

Result<TlsContext> TlsContext::load(const TlsFiles& files) {
  ::ERR_clear_error();
  auto impl = std::make_unique<Impl>();
  impl->context.reset(::SSL_CTX_new(::TLS_server_method()));
  SSL_CTX* c = impl->context.get();
  if (c == nullptr) return tls_error(Code::kInternal, "set up TLS");
  ::SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
  ::SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  ::SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  ::SSL_CTX_set_alpn_select_cb(c, choose_protocol, nullptr);
  if (::SSL_CTX_use_certificate_chain_file(c, files.certificate.c_str()) != 1) {
    return tls_error(Code::kInvalidArgument, cat("load certificate ", files.certificate.native()));
  }
  if (::SSL_CTX_use_PrivateKey_file(c, files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      ::SSL_CTX_check_private_key(c) != 1) {
    return tls_error(Code::kInvalidArgument, cat("load key ", files.key.native()));
  }
  if (!files.client_ca.empty()) {
    if (::SSL_CTX_load_verify_file(c, files.client_ca.c_str()) != 1) {
      return tls_error(Code::kInvalidArgument,
                       cat("load client authorities ", files.client_ca.native()));
    }
    const int demanded = files.client_optional ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    ::SSL_CTX_set_verify(c, SSL_VERIFY_PEER | demanded, nullptr);
    // Clients that have several choose by the authority.
    ::SSL_CTX_set_client_CA_list(c, ::SSL_load_client_CA_file(files.client_ca.c_str()));
    static constexpr unsigned char kSession[] = "skiff";  // sessions of verified clients resume
    ::SSL_CTX_set_session_id_context(c, kSession, sizeof kSession - 1);
  }
  return TlsContext(std::move(impl));
}

Result<std::unique_ptr<Stream>> TlsContext::accept(UniqueFd& socket) const {
  int flags = ::fcntl(socket.get(), F_GETFL);
  if (::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return Error::from_errno(errno, "make the socket non-blocking");
  }
  std::unique_ptr<SSL, FreeSsl> ssl(::SSL_new(impl_->context.get()));
  BIO* bio = make_bio(socket.get());
  ::SSL_set_bio(ssl.get(), bio, bio);
  return std::unique_ptr<Stream>(std::make_unique<TlsStream>(std::move(socket), std::move(ssl)));
}

}  // namespace skiff::net
