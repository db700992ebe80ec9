#include "remote/authenticator.h"

#include <algorithm>

#include "base/strings.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "remote/answers.h"

namespace skiff::remote {

namespace {

constexpr std::string_view kClientId = "skiff";
// The specification's lifetime of a token that names none.
constexpr std::chrono::seconds kDefaultLifetime{60};
// A token that ends this soon is not used for another request.
constexpr std::chrono::seconds kExpiryMargin{5};

std::string basic_value(const Credentials& credentials) {
  return cat("Basic ", base64_encode(cat(credentials.username, ":", credentials.password)));
}

net::Query token_query(const std::string& scope, const Challenge& challenge) {
  net::Query query;
  if (const std::string service = challenge.parameter("service"); !service.empty()) {
    query.add("service", service);
  }
  // Without a wish of our own (a login) the registry's scope is asked for, if it names one.
  const std::string wanted = scope.empty() ? challenge.parameter("scope") : scope;
  for (const std::string& one : split(wanted, ' ')) {
    if (!one.empty()) query.add("scope", one);
  }
  return query;
}

net::WebRequest refresh_request(const ClientOptions& options, net::Query form) {
  form.add("grant_type", "refresh_token");
  form.add("client_id", kClientId);
  form.add("refresh_token", options.credentials.identity_token);
  if (options.wants_identity_token) form.add("access_type", "offline");
  net::WebRequest request;
  request.method = "POST";
  request.headers.set("Content-Type", "application/x-www-form-urlencoded");
  request.body = form.str();
  return request;
}

}  // namespace

Authenticator::Authenticator(Connector& connector, const ClientOptions& options)
    : connector_(connector),
      options_(options),
      identity_token_(options.credentials.identity_token) {}

Result<std::string> Authenticator::authorization(const std::string& host, const std::string& scope,
                                                 const CancelToken& cancel) {
  Challenge challenge;
  {
    const std::scoped_lock lock(mutex_);
    auto found = challenges_.find(host);
    if (found == challenges_.end()) return "";
    challenge = found->second;
    auto token = tokens_.find({host, scope});
    if (token != tokens_.end() &&
        token->second.expires > std::chrono::steady_clock::now() + kExpiryMargin) {
      return cat("Bearer ", token->second.value);
    }
  }
  if (challenge.scheme == "basic") return basic_value(options_.credentials);
  return bearer(host, scope, challenge, cancel);
}

bool Authenticator::learn(const std::string& host, const std::string& scope,
                          const net::WebResponse& refused) {
  const auto offered = parse_challenges(refused.headers.all("WWW-Authenticate"));
  const std::scoped_lock lock(mutex_);
  tokens_.erase({host, scope});
  for (const Challenge& challenge : offered) {
    const bool usable = challenge.scheme == "bearer"
                            ? !challenge.parameter("realm").empty()
                            : challenge.scheme == "basic" && has_password();
    if (!usable) continue;
    challenges_[host] = challenge;
    return true;
  }
  return false;
}

Result<std::string> Authenticator::bearer(const std::string& host, const std::string& scope,
                                          const Challenge& challenge, const CancelToken& cancel) {
  if (!options_.credentials.registry_token.empty()) {
    return cat("Bearer ", options_.credentials.registry_token);
  }
  Token token = TRY(fetch_token(scope, challenge, cancel));
  const std::scoped_lock lock(mutex_);
  tokens_[{host, scope}] = token;
  if (options_.wants_identity_token && !token.refresh.empty()) identity_token_ = token.refresh;
  return cat("Bearer ", token.value);
}

std::string Authenticator::identity_token() {
  const std::scoped_lock lock(mutex_);
  return identity_token_;
}

Result<Authenticator::Token> Authenticator::fetch_token(const std::string& scope,
                                                        const Challenge& challenge,
                                                        const CancelToken& cancel) {
  const std::string realm_text = challenge.parameter("realm");
  net::Url realm = TRY_CONTEXT(net::Url::parse(realm_text), "authentication realm");
  net::Query query = token_query(scope, challenge);
  net::WebRequest request;
  const bool has_secret = has_password() || !options_.credentials.identity_token.empty();
  if (has_secret && !connector_.may_carry_secrets(realm)) {
    return Error(
        Code::kPermissionDenied,
        cat("refusing to send credentials unencrypted to the realm ", skiff::quoted(realm_text)));
  }
  if (!options_.credentials.identity_token.empty()) {
    request = refresh_request(options_, std::move(query));
  } else {
    if (has_password()) {
      query.add("account", options_.credentials.username);
      request.headers.set("Authorization", basic_value(options_.credentials));
      // Token Authentication Specification, "Requesting a Token".
      if (options_.wants_identity_token) {
        query.add("client_id", kClientId);
        query.add("offline_token", "true");
      }
    }
    const char separator = realm.target.find('?') == std::string::npos ? '?' : '&';
    realm.target += separator + query.str();
  }
  const net::WebResponse answer = TRY(ask_realm(realm, std::move(request), cancel));
  const json::Value body = TRY_CONTEXT(json::parse(answer.body), cat("token from ", realm.host));
  std::string value = body.string("token");
  if (value.empty()) value = body.string("access_token");
  if (value.empty()) {
    return Error(Code::kUnauthenticated, cat("token from ", realm.host, ": the answer has none"));
  }
  const int64_t seconds = body.integer("expires_in");
  const auto lifetime =
      seconds > 0 ? std::chrono::seconds(std::min<int64_t>(seconds, 24 * 3600)) : kDefaultLifetime;
  return Token{std::move(value), std::chrono::steady_clock::now() + lifetime,
               body.string("refresh_token")};
}

// Not repeated here: a failure for the moment fails, and so repeats, the call that wants the token.
Result<net::WebResponse> Authenticator::ask_realm(const net::Url& realm, net::WebRequest request,
                                                  const CancelToken& cancel) {
  request.cancel = cancel;
  net::WebResponse answer =
      TRY_CONTEXT(connector_.send(realm, std::move(request)), cat("token from ", realm.host));
  if (answer.status / 100 != 2) return answer_error(answer, cat("token from ", realm.host));
  return answer;
}

}  // namespace skiff::remote
