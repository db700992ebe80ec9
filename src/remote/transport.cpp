#include "remote/transport.h"

#include "base/strings.h"
#include "remote/answers.h"

namespace skiff::remote {

Transport::Transport(ClientOptions options)
    : options_(std::move(options)), connector_(options_), authenticator_(connector_, options_) {}

Result<net::WebResponse> Transport::send_once(const Call& call) {
  const net::Url* url = std::get_if<net::Url>(&call.target);
  const bool is_own_host =
      url == nullptr || url->host == call.host || cat(url->host, ":443") == call.host;
  auto answer = TRY(send_authorized(call, is_own_host));
  if (answer.status != 401 || !is_own_host) return answer;
  if (!authenticator_.learn(call.host, call.scope, answer)) return answer;
  return send_authorized(call, is_own_host);
}

Result<net::WebResponse> Transport::send_authorized(const Call& call, bool is_own_host) {
  net::WebRequest request = call.request;
  const net::Url* given = std::get_if<net::Url>(&call.target);
  if (is_own_host && (given == nullptr || connector_.may_carry_secrets(*given))) {
    const std::string value =
        TRY(authenticator_.authorization(call.host, call.scope, request.cancel));
    if (!value.empty()) request.headers.set("Authorization", value);
  }
  if (call.rewind) call.rewind();
  if (given != nullptr && call.named_by_image && !net::is_loopback(call.host)) {
    return connector_.send_outside(*given, std::move(request));
  }
  if (given != nullptr) return connector_.send(*given, std::move(request));
  return connector_.send(call.host, std::get<std::string>(call.target), std::move(request));
}

bool Transport::may_follow(const std::string& host, const net::Url& url) const {
  if (net::is_loopback(host)) return true;  // who made the image is here, too
  if (net::is_loopback(url.host) || net::is_link_local(url.host) || net::is_unspecified(url.host)) {
    return false;
  }
  return connector_.may_carry_secrets(url);
}

std::optional<content::BlobTickets::Ticket> Transport::ticket(const std::string& host,
                                                              content::ContentStore& store,
                                                              const oci::Digest& blob) const {
  const std::optional<NearRegistry>& near = options_.near;
  if (!near || !near->is_at(host)) return std::nullopt;
  return near->tickets->issue(store, blob);
}

Result<net::WebResponse> Transport::send(const Call& call) {
  Backoff pause = backoff(call.request.cancel);
  for (;;) {
    auto answer = send_once(call);
    const bool transient = answer ? is_transient(answer->status) : is_transient(answer.error());
    if (!transient) return answer;
    if (!TRY(pause.again(answer ? retry_after(*answer) : std::nullopt))) return answer;
  }
}

}  // namespace skiff::remote
