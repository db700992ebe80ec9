// Authenticator: answers a registry's challenges (distribution's token specification; RFC 7617
// for basic) and keeps the tokens, one for each host and scope, until they expire.
//
// A secret leaves only towards the registry itself or the realm that it names, and only over
// TLS or to hosts that plain HTTP is allowed for. Thread-safe.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "remote/challenge.h"
#include "remote/connector.h"

namespace skiff::remote {

class Authenticator {
 public:
  Authenticator(Connector& connector, const ClientOptions& options);

  // The Authorization value for a request within `scope`; "" before the host's first challenge.
  Result<std::string> authorization(const std::string& host, const std::string& scope,
                                    const CancelToken& cancel);
  // Takes a 401 in: remembers the challenge and forgets the token that was refused. False
  // where there is nothing to answer it with; the 401 is final then.
  bool learn(const std::string& host, const std::string& scope, const net::WebResponse& refused);
  // The refresh token that came last with a token (ClientOptions::wants_identity_token), else what
  // the credentials have.
  std::string identity_token();

 private:
  using Instant = std::chrono::steady_clock::time_point;
  struct Token {
    std::string value;
    Instant expires;
    std::string refresh;  // "" where none came
  };

  Result<std::string> bearer(const std::string& host, const std::string& scope,
                             const Challenge& challenge, const CancelToken& cancel);
  Result<Token> fetch_token(const std::string& scope, const Challenge& challenge,
                            const CancelToken& cancel);
  Result<net::WebResponse> ask_realm(const net::Url& realm, net::WebRequest request,
                                     const CancelToken& cancel);
  bool has_password() const { return !options_.credentials.password.empty(); }

  Connector& connector_;
  const ClientOptions& options_;
  std::mutex mutex_;
  std::map<std::string, Challenge> challenges_;                  // by host
  std::map<std::pair<std::string, std::string>, Token> tokens_;  // by host and scope
  std::string identity_token_;
};

}  // namespace skiff::remote
