// Transport: one request to a registry host, with its authorization and, where it may be
// repeated, its retries. Thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "base/backoff.h"
#include "remote/authenticator.h"
#include "remote/connector.h"

namespace skiff::remote {

struct Call {
  std::string host;
  // "/v2/..." on the host, or where the registry sent us to (an upload's Location). Secrets go
  // only to `host` itself.
  std::variant<std::string, net::Url> target;
  // The URL is not the registry's but the image's (may_follow): where it leads is judged with each
  // connection, unless the registry itself is on the loopback.
  bool named_by_image = false;
  std::string scope;  // "repository:library/alpine:pull"
  net::WebRequest request;
  // Called before each sending, for a request whose streamed body must start again.
  std::function<void()> rewind;
};

class Transport {
 public:
  explicit Transport(ClientOptions options);

  // One attempt: a 401 is answered once, other answers come as they are.
  Result<net::WebResponse> send_once(const Call& call);
  // Repeats what failed for the moment. For requests that are safe to repeat.
  Result<net::WebResponse> send(const Call& call);

  // For a request to `host` about a blob of `store`, where that is the registry of this process.
  std::optional<content::BlobTickets::Ticket> ticket(const std::string& host,
                                                     content::ContentStore& store,
                                                     const oci::Digest& blob) const;

  // Whether a place that an image of `host` names may be asked: the daemon reaches what the
  // image's author may not.
  bool may_follow(const std::string& host, const net::Url& url) const;

  std::string identity_token() { return authenticator_.identity_token(); }

  Backoff backoff(const CancelToken& cancel) const {
    return Backoff(options_.attempts, options_.retry_delay, cancel);
  }

 private:
  Result<net::WebResponse> send_authorized(const Call& call, bool is_own_host);

  const ClientOptions options_;
  Connector connector_;
  Authenticator authenticator_;
};

}  // namespace skiff::remote
