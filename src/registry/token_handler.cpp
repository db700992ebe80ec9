// The token server: GET and POST /auth/token (Docker's registry protocol: Token Authentication
// Specification; OAuth2 Token Authentication, RFC 6749).
#include "base/strings.h"
#include "registry/call.h"
#include "registry/credentials.h"
#include "registry/token_scope.h"

namespace skiff::registry {

namespace {

constexpr size_t kMaxForm = size_t{64} * 1024;
constexpr size_t kMaxScopes = 100;

// "a b" and several of such.
Answer<std::vector<Scope>> wanted_scopes(const std::vector<std::string>& texts) {
  std::vector<Scope> scopes;
  size_t count = 0;
  for (const std::string& text : texts) {
    for (std::string_view word : split(text, ' ')) {
      if (word.empty()) continue;
      if (++count > kMaxScopes) {
        return Refusal(kTokenRequestInvalid, cat("at most ", kMaxScopes, " scopes at once"));
      }
      if (auto scope = parse_scope(word)) scopes.push_back(std::move(*scope));
    }
  }
  return scopes;
}

Refusal wrong_credentials(const Call& call) {
  call.set("WWW-Authenticate", "Basic realm=\"Skiff registry\", charset=\"UTF-8\"");
  return {kUnauthorized, "wrong user or password"};
}

Answer<TokenRequest> read_query(const Call& call) {
  const net::Query& query = call.request.query;
  TokenRequest wanted{.scopes = TRY(wanted_scopes(query.all("scope")))};
  wanted.offline = query.get("offline_token") == "true";
  wanted.client = query.get("client_id");
  const std::string authorization = call.header("Authorization");
  if (authorization.empty()) return wanted;
  const Credentials shown = parse_credentials(authorization);
  if (const auto* basic = std::get_if<BasicCredentials>(&shown)) {
    wanted.name = basic->name;
    wanted.secret = basic->password;
  } else if (const auto* bearer = std::get_if<BearerCredentials>(&shown)) {
    wanted.secret = bearer->token;
  }
  if (wanted.secret.empty()) return wrong_credentials(call);
  return wanted;
}

Answer<TokenRequest> read_form(const Call& call) {
  const Result<std::string> body = read_all(*call.request.body, kMaxForm);
  if (!body) return Refusal(kTokenRequestInvalid, "the form is too long, or broke off");
  const net::Query form = net::Query::parse(*body);
  TokenRequest wanted{.scopes = TRY(wanted_scopes(form.all("scope")))};
  wanted.offline = form.get("access_type") == "offline";
  wanted.client = form.get("client_id");
  const std::string type = form.get("grant_type");
  if (type == "password") {
    wanted.name = form.get("username");
    wanted.secret = form.get("password");
  } else if (type == "refresh_token") {
    wanted.secret = form.get("refresh_token");
    wanted.refreshes = true;
  } else {
    return Refusal(kTokenRequestInvalid, "grant_type must be password or refresh_token");
  }
  if (wanted.secret.empty()) return wrong_credentials(call);
  return wanted;
}

json::Value describe(const IssuedToken& issued) {
  std::vector<std::string> scopes;
  for (const Scope& scope : issued.scopes) scopes.push_back(scope_text(scope));
  json::Value out = json::object({{"token", issued.token},
                                  {"access_token", issued.token},
                                  {"scope", join(scopes, " ")},
                                  {"expires_in", issued.life.count()},
                                  {"issued_at", format_rfc3339(issued.issued)}});
  if (!issued.refresh.empty()) out.set("refresh_token", issued.refresh);
  return out;
}

}  // namespace

Answer<> issue_token(Call& call) {
  const bool is_form = call.request.method == "POST";
  if (!is_form && call.request.method != "GET") {
    call.set("Allow", "GET, POST");
    return Refusal(kUnsupported, cat("method ", call.request.method, " is not supported here"));
  }
  TokenRequest wanted = is_form ? TRY(read_form(call)) : TRY(read_query(call));
  wanted.address = client_address(call.request);
  wanted.certificate = call.request.certificate;
  const Result<std::optional<IssuedToken>> issued = call.context.access.issue(wanted);
  if (!issued && issued.error().code() == Code::kUnauthenticated) return wrong_credentials(call);
  if (!issued && issued.error().code() == Code::kResourceExhausted) {
    return guessed_too_often(issued.error());
  }
  if (!issued) return issued.error();
  if (!*issued) return Refusal(kNotFound, cat("no such endpoint: ", call.request.path));
  call.set("Cache-Control", "no-store");
  return call.reply_json(describe(**issued));
}

}  // namespace skiff::registry
