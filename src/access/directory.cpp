#include "access/directory.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/strings.h"

namespace skiff::access {

namespace {

// So many, and none longer: what is remembered stays small.
constexpr size_t kMaxVerified = 4096;
constexpr size_t kMaxRemembered = 2048;

constexpr std::chrono::hours kRefreshLife{24 * 30};
constexpr std::chrono::hours kUseKnownTo{1};
// Not with each request: rights are told without a system call.
constexpr std::chrono::seconds kCheckFilesEvery{1};

Error wrong() { return {Code::kUnauthenticated, "wrong user or password"}; }

Identity identity_of(const Account& account, std::string token = "") {
  return {account.id, account.name, account.kind == AccountKind::kRobot, std::move(token)};
}

// Its token, if that is still so.
const Token* token_of(const Rights& rights, const Identity& who, TimePoint now) {
  const Token* token = rights.token(who.token);
  const bool counts = token != nullptr && token->account == who.account && is_active(*token, now);
  return counts ? token : nullptr;
}

}  // namespace

Result<std::unique_ptr<Directory>> Directory::open(Store store) {
  FileWatch files(store.root() / kDatabaseName);  // at once: those that it has opened
  auto guesses = TRY(Guesses::open(store.root(), store.clock()));
  return std::unique_ptr<Directory>(
      new Directory(std::move(store), std::move(files), std::move(guesses)));
}

Result<std::shared_ptr<const Rights>> Directory::rights() {
  std::lock_guard lock(mutex_);
  TRY(refresh());
  return rights_;
}

// A clock that was put back makes it look at once.
Result<> Directory::check_files() {
  const TimePoint at = now();
  if (checked_ <= at && at < checked_ + kCheckFilesEvery) return {};
  TRY(files_.check());
  checked_ = at;
  return {};
}

Result<> Directory::refresh() {
  TRY(check_files());
  const std::optional<CommitMark> mark = commits_.mark();
  if (rights_ && mark && mark == mark_) return {};
  int64_t version = TRY(store_.version());
  // On a server what is read while another changes it may be of two moments.
  while (!rights_ || version != version_) {
    rights_ = std::make_shared<const Rights>(TRY(Rights::load(store_)));
    TRY(read_keys());
    version_ = std::exchange(version, TRY(store_.version()));
  }
  mark_ = mark;
  return {};
}

Result<> Directory::read_keys() {
  keys_ = std::make_shared<const std::vector<SigningKey>>(TRY(signing_keys(store_)));
  verified_.clear();
  return {};
}

Result<std::string> Directory::sign(const Claims& claims) {
  std::lock_guard lock(mutex_);
  TRY(refresh());
  if (keys_->empty() || keys_->front().signs_until <= now()) {
    TRY(files_.check());
    TRY(current_signing_key(store_));
    TRY(read_keys());  // our own change is no other connection's
  }
  return sign_jwt(claims, keys_->front());
}

Result<Claims> Directory::verify(const std::string& token) {
  std::shared_ptr<const Rights> rights;
  std::shared_ptr<const std::vector<SigningKey>> keys;
  std::optional<Claims> known;
  {
    std::lock_guard lock(mutex_);
    TRY(refresh());
    rights = rights_;
    keys = keys_;
    const auto found = verified_.find(token);
    if (found != verified_.end() && found->second.expires > now()) known = found->second;
  }
  Claims claims = known ? std::move(*known) : TRY(verify_jwt(token, *keys, now()));
  if (!known && token.size() <= kMaxRemembered) {
    std::lock_guard lock(mutex_);
    if (verified_.size() >= kMaxVerified) verified_.clear();
    if (keys == keys_) verified_.insert_or_assign(token, claims);
  }
  const Identity who{claims.account, claims.subject, false, claims.token};
  if (!counts(*rights, who, now())) return wrong();
  if (!who.token.empty()) note_use(who.token);
  return claims;
}

Result<Identity> Directory::sign_in(const std::string& name, const std::string& secret,
                                    const std::string& address) {
  if (secret.starts_with(kSecretPrefix)) {
    Identity who = TRY(sign_in_by_token(secret));
    if (who.name != name) return wrong();
    return who;
  }
  const auto rights = TRY(this->rights());
  const Account* account = rights->account(name);
  const bool can = account != nullptr && is_active(*account, now()) && !account->password.empty();
  const std::optional<std::string> hash = can ? std::optional(account->password) : std::nullopt;
  if (!TRY(check_password(passwords_, *guesses_, {name, secret, hash, address}))) return wrong();
  return identity_of(*account);
}

bool Directory::remembers(const std::string& name, const std::string& secret) {
  if (secret.starts_with(kSecretPrefix)) return true;
  const auto rights = this->rights();
  const Account* account = rights ? (*rights)->account(name) : nullptr;
  return account != nullptr && passwords_.remembers(name, secret, account->password);
}

Result<Identity> Directory::sign_in_by_token(const std::string& secret, Use use) {
  const auto rights = TRY(this->rights());
  const Token* token = rights->token_of_secret(secret);
  if (token == nullptr || !is_active(*token, now())) return wrong();
  if (token->refresh && use != Use::kRefresh) return wrong();
  const Account* account = rights->account(token->account);
  if (account == nullptr || !is_active(*account, now())) return wrong();
  note_use(token->id);
  return identity_of(*account, token->id);
}

Result<std::string> Directory::add_refresh_token(int64_t account, const std::string& label) {
  std::lock_guard lock(mutex_);
  TRY(files_.check());
  const NewToken token{account, label, {}, now() + kRefreshLife, true};
  MadeToken made = TRY(add_token(store_, token));
  rights_.reset();  // our own change is no other connection's
  return std::move(made.secret);
}

// Who looks for tokens that nobody uses must not be told "never" of one that is: the first use
// after an hour is written at once. Whoever shows the token is not held up by a failure.
void Directory::note_use(const std::string& id) {
  std::lock_guard lock(mutex_);
  TimePoint& noted = noted_[id];
  if (const Token* token = rights_ ? rights_->token(id) : nullptr) {
    noted = std::max(noted, token->used);
  }
  if (now() < noted + kUseKnownTo) return;
  uses_[id] = noted = now();
  if (const Result<> saved = write_uses(); !saved) {
    log_warn(cat("when a token was used is not written down yet: ", saved.error().message()));
  }
}

Result<> Directory::save_uses() {
  std::lock_guard lock(mutex_);
  return write_uses();
}

Result<> Directory::write_uses() {
  if (uses_.empty()) return {};
  TRY(files_.check());
  TRY(save_token_uses(store_, uses_));
  uses_.clear();
  return {};
}

Result<std::optional<Identity>> Directory::sign_in_by_certificate(
    const ShownCertificate& certificate) {
  const auto rights = TRY(this->rights());
  const Account* account = rights->account_of(certificate);
  if (account == nullptr || !is_active(*account, now())) return std::optional<Identity>();
  return std::optional(identity_of(*account));
}

bool counts(const Rights& rights, const Identity& who, TimePoint now) {
  if (who.account == 0) return true;
  const Account* account = rights.account(who.account);
  if (account == nullptr || !is_active(*account, now)) return false;
  return who.token.empty() || token_of(rights, who, now) != nullptr;
}

Role role_of(const Rights& rights, const Identity& who, std::string_view repository,
             std::span<const std::string> tags, bool any_tag, TimePoint now) {
  if (!counts(rights, who, now)) return Role::kNone;
  const Role role = rights.role_of(who.account, repository, now);
  if (who.token.empty()) return role;
  return std::min(role, limit_of(*token_of(rights, who, now), repository, tags, any_tag));
}

Role role_everywhere(const Rights& rights, const Identity& who, TimePoint now) {
  if (!counts(rights, who, now)) return Role::kNone;
  const Role role = rights.role_everywhere(who.account, now);
  if (who.token.empty()) return role;
  // Limits name repositories: of one that has any it is not said that it may everywhere.
  return token_of(rights, who, now)->limits.empty() ? role : Role::kNone;
}

}  // namespace skiff::access
