#include "registry/directory_access.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <filesystem>

#include "base/log.h"
#include "base/strings.h"
#include "registry/credentials.h"
#include "registry/token_scope.h"

namespace skiff::registry {

namespace {

using access::Role;

constexpr std::chrono::seconds kTokenLife{300};

Role role_for(Action action) {
  switch (action) {
    case Action::kEnter:
    case Action::kCatalog:
      return Role::kNone;
    case Action::kPull:
      return Role::kPull;
    case Action::kPush:
      return Role::kPush;
    case Action::kDelete:
      return Role::kMaintain;
    case Action::kManage:
      return Role::kOwn;
  }
  return Role::kOwn;
}

access::Identity identity_of(const Viewer& viewer) {
  return {viewer.account, viewer.name, viewer.kind == Viewer::Kind::kRobot, viewer.token};
}

Viewer viewer_of(access::Identity who) {
  Viewer viewer;
  if (who.account != 0) viewer.kind = who.robot ? Viewer::Kind::kRobot : Viewer::Kind::kUser;
  viewer.name = std::move(who.name);
  viewer.account = who.account;
  viewer.token = std::move(who.token);
  return viewer;
}

access::ScopeClaim claim_of(const Scope& scope) {
  if (scope.repository.empty()) return {"registry", "catalog", {"*"}};
  access::ScopeClaim claim{"repository", scope.repository, {}};
  if (scope.pull) claim.actions.emplace_back("pull");
  if (scope.push) claim.actions.emplace_back("push");
  if (scope.remove) claim.actions.emplace_back("delete");
  return claim;
}

std::vector<Scope> scopes_of(const access::Claims& claims) {
  std::vector<Scope> scopes;
  for (const access::ScopeClaim& claim : claims.scopes) {
    auto scope = parse_scope(cat(claim.type, ":", claim.name, ":", join(claim.actions, ",")));
    if (scope) scopes.push_back(std::move(*scope));
  }
  return scopes;
}

// Of what is wanted, what a role allows; nullopt for nothing.
std::optional<Scope> allowed(const Scope& wanted, Role role) {
  if (wanted.repository.empty()) return wanted;
  Scope scope{wanted.repository};
  scope.pull = wanted.pull && role >= role_for(Action::kPull);
  scope.push = wanted.push && role >= role_for(Action::kPush);
  scope.remove = wanted.remove && role >= role_for(Action::kDelete);
  return scope.pull || scope.push || scope.remove ? std::optional(scope) : std::nullopt;
}

// A Host field that may stand in a challenge: a name or address, perhaps a port.
bool is_plain_host(const std::string& host) {
  return !host.empty() && std::ranges::all_of(host, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view(".-_:[]").find(c) != std::string_view::npos;
  });
}

// What may stand in a list of tokens.
std::string client_word(const std::string& given) {
  constexpr size_t kLongest = 32;
  std::string word;
  for (const char c : given.substr(0, kLongest)) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (plain || std::string_view("._-").find(c) != std::string_view::npos) word += c;
  }
  return word.empty() ? "a client" : word;
}

}  // namespace

// With "" as the name by a token alone.
Result<access::Identity> DirectoryAccess::sign_in(const std::string& name,
                                                  const std::string& secret,
                                                  const std::string& address, Use use) {
  Result<access::Identity> who = name.empty() ? directory_->sign_in_by_token(secret, use)
                                              : directory_->sign_in(name, secret, address);
  if (audit_ != nullptr) {
    audit_->note_login({who ? who->name : name, address, who ? who->token : ""}, who);
  }
  return who;
}

// Nobody in particular where there is none, or it is nobody's.
Result<access::Identity> DirectoryAccess::certified(const net::PeerCertificate* certificate,
                                                    const std::string& address) {
  if (certificate == nullptr) return access::Identity();
  const auto who = TRY(directory_->sign_in_by_certificate(
      {certificate->subject, certificate->key, certificate->names}));
  if (!who) return access::Identity();
  if (audit_ != nullptr) audit_->note_login({who->name, address, ""}, Result<>());
  return *who;
}

Result<Viewer> DirectoryAccess::viewer_of_token(const std::string& token,
                                                const std::string& address) {
  if (token.starts_with(access::kSecretPrefix)) {
    return viewer_of(TRY(sign_in("", token, address)));
  }
  const access::Claims claims = TRY(directory_->verify(token));
  const bool robot = claims.subject.find('+') != std::string::npos;
  Viewer viewer = viewer_of({claims.account, claims.subject, robot, claims.token});
  viewer.scopes = scopes_of(claims);
  return viewer;
}

Result<Viewer> DirectoryAccess::identify(const net::Request& request) {
  const std::string address = client_address(request);
  Viewer viewer;
  if (const std::string shown = request.headers.get("Authorization"); !shown.empty()) {
    const Credentials credentials = parse_credentials(shown);
    if (const auto* basic = std::get_if<BasicCredentials>(&credentials)) {
      viewer = viewer_of(TRY(sign_in(basic->name, basic->password, address)));
    } else if (const auto* bearer = std::get_if<BearerCredentials>(&credentials)) {
      viewer = TRY(viewer_of_token(bearer->token, address));
    } else {
      return Error(Code::kUnauthenticated, "no credentials of a known form");
    }
  } else {
    viewer = viewer_of(TRY(certified(request.certificate, address)));
  }
  viewer.address = address;
  return viewer;
}

bool DirectoryAccess::knows(const std::string& authorization) {
  const Credentials credentials = parse_credentials(authorization);
  const auto* basic = std::get_if<BasicCredentials>(&credentials);
  return basic == nullptr || directory_->remembers(basic->name, basic->password);
}

Result<Decision> DirectoryAccess::may(const Viewer& viewer, const Need& need) {
  if (need.action == Action::kEnter || need.action == Action::kCatalog) {
    // A client that comes without credentials has some perhaps and waits to be asked; here it
    // would not learn in another way that it was taken for anybody.
    const bool asked = viewer.scopes || viewer.kind != Viewer::Kind::kAnonymous;
    return asked && (!viewer.scopes || covers(*viewer.scopes, need)) ? Decision::kYes
                                                                     : Decision::kLogin;
  }
  const Decision decision = TRY(judge(viewer, need));
  // The account may; another token would.
  if (decision == Decision::kYes && viewer.scopes && !covers(*viewer.scopes, need)) {
    return Decision::kLogin;
  }
  return decision;
}

Result<access::VisibleNames> DirectoryAccess::visible(const Viewer& viewer) {
  const auto rights = TRY(directory_->rights());
  return visible_names(*rights, identity_of(viewer), directory_->now());
}

Result<Role> DirectoryAccess::role(const Viewer& viewer, const Need& need) {
  const auto rights = TRY(directory_->rights());
  const access::Identity who = identity_of(viewer);
  const TimePoint now = directory_->now();
  return need.repository.empty()
             ? role_everywhere(*rights, who, now)
             : role_of(*rights, who, need.repository, need.tags, need.any_tag, now);
}

Result<Decision> DirectoryAccess::judge(const Viewer& viewer, const Need& need) {
  const auto rights = TRY(directory_->rights());
  const access::Identity who = identity_of(viewer);
  const TimePoint now = directory_->now();
  const Role role = TRY(this->role(viewer, need));
  if (role >= role_for(need.action)) return Decision::kYes;
  if (viewer.kind == Viewer::Kind::kAnonymous) return Decision::kLogin;
  const bool sees = !need.repository.empty() &&
                    role_of(*rights, who, need.repository, {}, false, now) >= Role::kPull;
  return sees ? Decision::kForbidden : Decision::kHidden;
}

std::string DirectoryAccess::challenge(const net::Request& request, const Need& need, bool wrong) {
  const std::string host = request.headers.get("Host");
  std::string base = public_url_;
  if (base.empty() && is_plain_host(host)) base = cat(request.tls ? "https" : "http", "://", host);
  if (base.empty()) return "Basic realm=\"Skiff registry\", charset=\"UTF-8\"";
  std::string out =
      cat("Bearer realm=\"", base, kTokenPath, "\",service=\"", access::kTokenService, "\"");
  if (const auto scope = scope_of(need)) out += cat(",scope=\"", scope_text(*scope), "\"");
  const Credentials shown = parse_credentials(request.headers.get("Authorization"));
  if (std::holds_alternative<BearerCredentials>(shown)) {
    out += wrong ? ",error=\"invalid_token\"" : ",error=\"insufficient_scope\"";
  }
  return out;
}

// What a token may, no other made with it may exceed: it is its own refresh token.
Result<std::string> DirectoryAccess::refresh_token(const access::Identity& who,
                                                   const TokenRequest& request) {
  if (request.secret.empty() || !who.token.empty()) return request.secret;
  std::string label = cat("login of ", client_word(request.client));
  if (!request.address.empty()) label += cat(" at ", request.address);
  return directory_->add_refresh_token(who.account, label);
}

Result<std::optional<IssuedToken>> DirectoryAccess::issue(const TokenRequest& request) {
  access::Identity who;
  if (!request.secret.empty()) {
    who = TRY(sign_in(request.name, request.secret, request.address,
                      request.refreshes ? Use::kRefresh : Use::kAccess));
  } else {
    who = TRY(certified(request.certificate, request.address));
  }
  const auto rights = TRY(directory_->rights());
  IssuedToken issued{.issued = std::chrono::floor<std::chrono::seconds>(directory_->now())};
  issued.life = kTokenLife;
  access::Claims claims{.subject = who.name,
                        .account = who.account,
                        .token = who.token,
                        .issued = issued.issued,
                        .expires = issued.issued + issued.life};
  for (const Scope& wanted : request.scopes) {
    const Role role = role_of(*rights, who, wanted.repository, {}, false, directory_->now());
    if (auto scope = allowed(wanted, role)) issued.scopes.push_back(std::move(*scope));
  }
  for (const Scope& scope : issued.scopes) claims.scopes.push_back(claim_of(scope));
  issued.token = TRY(directory_->sign(claims));
  if (request.offline) issued.refresh = TRY(refresh_token(who, request));
  return issued;
}

namespace {

class AccountsIfAny : public Authorizer {
 public:
  AccountsIfAny(Path root, std::string public_url, const Clock& clock, AuditWriter* audit)
      : root_(std::move(root)),
        file_(root_ / access::kDatabaseName),
        public_url_(std::move(public_url)),
        clock_(clock),
        audit_(audit) {}

  Result<Viewer> identify(const net::Request& request) override {
    return TRY(in_force())->identify(request);
  }
  bool knows(const std::string& authorization) override {
    const auto force = in_force();
    return force && (*force)->knows(authorization);
  }
  Result<Decision> may(const Viewer& viewer, const Need& need) override {
    return TRY(in_force())->may(viewer, need);
  }
  Result<access::VisibleNames> visible(const Viewer& viewer) override {
    return TRY(in_force())->visible(viewer);
  }
  Result<access::Role> role(const Viewer& viewer, const Need& need) override {
    return TRY(in_force())->role(viewer, need);
  }
  std::string challenge(const net::Request& request, const Need& need, bool wrong) override {
    const auto force = in_force();
    return force ? (*force)->challenge(request, need, wrong) : "";
  }
  Result<std::optional<IssuedToken>> issue(const TokenRequest& request) override {
    return TRY(in_force())->issue(request);
  }
  Result<> save_uses() override { return TRY(in_force())->save_uses(); }

 private:
  // What cannot be opened lets nobody in.
  Result<Authorizer*> in_force() {
    if (Authorizer* accounts = found_.load(std::memory_order_acquire)) return accounts;
    // Asked with each request until there are any.
    if (in_files_.load(std::memory_order_acquire) && !may_have_file()) return open_.get();
    std::lock_guard lock(mutex_);
    if (accounts_) return accounts_.get();
    if (!server_) server_ = TRY(database_server_of(root_));
    in_files_.store(!*server_, std::memory_order_release);
    const bool may_be = *server_ ? TRY(access::Store::is_on(**server_)) : may_have_file();
    if (!may_be) return open_.get();
    auto store = TRY(access::Store::open(root_, clock_));
    if (!store) return open_.get();
    log_info("the registry has accounts now: who comes is asked who it is");
    accounts_ = std::make_unique<DirectoryAccess>(TRY(access::Directory::open(std::move(*store))),
                                                  public_url_, audit_);
    found_.store(accounts_.get(), std::memory_order_release);
    return accounts_.get();
  }

  bool may_have_file() const {
    std::error_code error;
    return std::filesystem::exists(file_, error) || error;
  }

  const Path root_;
  const Path file_;
  const std::string public_url_;
  const Clock& clock_;
  AuditWriter* const audit_;
  const std::unique_ptr<Authorizer> open_ = open_access();
  std::atomic<Authorizer*> found_ = nullptr;
  std::atomic<bool> in_files_ = false;  // the root's tables are, as far as it is known
  std::mutex mutex_;                    // guards what follows
  std::optional<std::shared_ptr<const DatabaseServer>>
      server_;  // of the root's tables; null for none
  std::unique_ptr<Authorizer> accounts_;
};

}  // namespace

std::unique_ptr<Authorizer> accounts_where_there_are_any(const Path& root, std::string public_url,
                                                         const Clock& clock, AuditWriter* audit) {
  return std::make_unique<AccountsIfAny>(root, std::move(public_url), clock, audit);
}

}  // namespace skiff::registry
