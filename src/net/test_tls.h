// For tests of this folder: certificates made by openssl(1), and a client that speaks TLS.
#pragma once

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "base/file.h"
#include "base/strings.h"
#include "net/stream.h"
#include "net/tls.h"

namespace skiff::net {

// A self-signed certificate for `name` in `directory`; one more call replaces it.
inline TlsFiles make_certificate(const Path& directory, const std::string& name) {
  TlsFiles files{.certificate = directory / "cert.pem", .key = directory / "key.pem"};
  const std::string command = cat(
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=",
      name, " -keyout ", files.key.native(), " -out ", files.certificate.native(), " 2>/dev/null");
  EXPECT_EQ(::system(command.c_str()), 0);  // NOLINT(concurrency-mt-unsafe)
  return files;
}

// A connection that trusts anybody, with the certificate of `own`, if given. Shaken hands.
class TlsClient {
 public:
  explicit TlsClient(uint16_t port, const TlsFiles* own = nullptr)
      : socket_(*connect_tcp("127.0.0.1", port)),
        context_(::SSL_CTX_new(::TLS_client_method())),
        ssl_(nullptr) {
    if (own != nullptr) {
      ::SSL_CTX_use_certificate_chain_file(context_.get(), own->certificate.c_str());
      ::SSL_CTX_use_PrivateKey_file(context_.get(), own->key.c_str(), SSL_FILETYPE_PEM);
    }
    ssl_.reset(::SSL_new(context_.get()));
    ::SSL_set_fd(ssl_.get(), socket_.get());
    EXPECT_EQ(::SSL_connect(ssl_.get()), 1);
  }

  // The server's name, by its certificate.
  std::string server_name() const {
    X509* certificate = ::SSL_get1_peer_certificate(ssl_.get());
    if (certificate == nullptr) return "";
    std::string text(256, '\0');
    const int size =
        ::X509_NAME_get_text_by_NID(::X509_get_subject_name(certificate), NID_commonName,
                                    text.data(), static_cast<int>(text.size()));
    ::X509_free(certificate);
    text.resize(static_cast<size_t>(std::max(size, 0)));
    return text;
  }

  void write(std::string_view bytes) {
    EXPECT_EQ(::SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())),
              static_cast<int>(bytes.size()));
  }
  // What one record brings; "" at the end.
  std::string read() {
    std::string text(16384, '\0');
    const int n = ::SSL_read(ssl_.get(), text.data(), static_cast<int>(text.size()));
    text.resize(static_cast<size_t>(std::max(n, 0)));
    return text;
  }

 private:
  struct Free {
    void operator()(SSL* ssl) const { ::SSL_free(ssl); }
    void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
  };
  UniqueFd socket_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
};

}  // namespace skiff::net
