#include "registry/directory_access.h"

#include <atomic>

#include "base/log.h"
#include "base/strings.h"
#include "registry/credentials.h"

namespace skiff::registry {

namespace {

using access::Role;

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
  }
  return Role::kOwn;
}

access::Identity identity_of(const Viewer& viewer) {
  return {viewer.account, viewer.name, viewer.kind == Viewer::Kind::kRobot, viewer.token};
}

// A client that comes without credentials has some perhaps and waits to be asked; of these two it
// would not learn in another way that it was taken for anybody.
Decision may_ask(const Viewer& viewer) {
  return viewer.kind == Viewer::Kind::kAnonymous ? Decision::kLogin : Decision::kYes;
}

}  // namespace

Result<Viewer> DirectoryAccess::identify(const net::Request& request) {
  Viewer viewer{.address = client_address(request)};
  const std::string authorization = request.headers.get("Authorization");
  if (authorization.empty()) return viewer;
  const Credentials shown = parse_credentials(authorization);
  access::Identity who;
  if (const auto* basic = std::get_if<BasicCredentials>(&shown)) {
    who = TRY(directory_.sign_in(basic->name, basic->password));
  } else if (const auto* bearer = std::get_if<BearerCredentials>(&shown)) {
    who = TRY(directory_.sign_in_by_token(bearer->token));
  } else {
    return Error(Code::kUnauthenticated, "no credentials of a known form");
  }
  viewer.kind = who.robot ? Viewer::Kind::kRobot : Viewer::Kind::kUser;
  viewer.name = std::move(who.name);
  viewer.account = who.account;
  viewer.token = std::move(who.token);
  return viewer;
}

Result<Decision> DirectoryAccess::may(const Viewer& viewer, const Need& need) {
  if (need.action == Action::kEnter || need.action == Action::kCatalog) return may_ask(viewer);
  const auto rights = TRY(directory_.rights());
  const access::Identity who = identity_of(viewer);
  const TimePoint now = directory_.now();
  const Role role = need.repository.empty()
                        ? role_everywhere(*rights, who, now)
                        : role_of(*rights, who, need.repository, need.tags, need.any_tag, now);
  if (role >= role_for(need.action)) return Decision::kYes;
  if (viewer.kind == Viewer::Kind::kAnonymous) return Decision::kLogin;
  const bool sees = !need.repository.empty() &&
                    role_of(*rights, who, need.repository, {}, false, now) >= Role::kPull;
  return sees ? Decision::kForbidden : Decision::kHidden;
}

std::string DirectoryAccess::challenge(const net::Request& /*request*/, const Need& /*need*/,
                                       bool /*wrong*/) {
  return "Basic realm=\"Skiff registry\", charset=\"UTF-8\"";
}

namespace {

class AccountsIfAny : public Authorizer {
 public:
  AccountsIfAny(Path root, const Clock& clock) : root_(std::move(root)), clock_(clock) {}

  Result<Viewer> identify(const net::Request& request) override {
    return TRY(in_force())->identify(request);
  }
  Result<Decision> may(const Viewer& viewer, const Need& need) override {
    return TRY(in_force())->may(viewer, need);
  }
  std::string challenge(const net::Request& request, const Need& need, bool wrong) override {
    const auto force = in_force();
    return force ? (*force)->challenge(request, need, wrong) : "";
  }

 private:
  // What cannot be opened lets nobody in.
  Result<Authorizer*> in_force() {
    if (Authorizer* accounts = found_.load(std::memory_order_acquire)) return accounts;
    std::lock_guard lock(mutex_);
    if (accounts_) return accounts_.get();
    auto store = TRY(access::Store::open(root_, clock_));
    if (!store) return open_.get();
    log_info("the registry has accounts now: who comes is asked who it is");
    accounts_ = std::make_unique<DirectoryAccess>(std::move(*store));
    found_.store(accounts_.get(), std::memory_order_release);
    return accounts_.get();
  }

  const Path root_;
  const Clock& clock_;
  const std::unique_ptr<Authorizer> open_ = open_access();
  std::atomic<Authorizer*> found_ = nullptr;
  std::mutex mutex_;  // guards the next
  std::unique_ptr<Authorizer> accounts_;
};

}  // namespace

std::unique_ptr<Authorizer> accounts_where_there_are_any(const Path& root, const Clock& clock) {
  return std::make_unique<AccountsIfAny>(root, clock);
}

}  // namespace skiff::registry
