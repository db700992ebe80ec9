// Users, robots and tokens.
#include <algorithm>

#include "access/newcomers.h"
#include "access/passwords.h"
#include "base/strings.h"
#include "manage/rest.h"

namespace skiff::manage {

using access::AccountKind;
using registry::Answer;

namespace {

json::Value account_json(const access::Account& account) {
  return json::object({{"name", account.name},
                       {"disabled", account.disabled},
                       {"created", time_member(account.created)},
                       {"expires", time_member(account.expires)}});
}

Answer<access::Account> find(access::Store& store, const std::string& name, AccountKind kind) {
  access::Account account = TRY(as_answer(access::find_account(store, name)));
  if (account.kind == kind) return account;
  return registry::Refusal(registry::kNotFound, cat("no such account: ", name));
}

Answer<> list_accounts(ApiCall& call, AccountKind kind, std::string_view name) {
  auto accounts = TRY(call.api.accounts());
  json::Array out;
  for (const access::Account& account : TRY(access::list_accounts(*accounts, kind))) {
    out.push_back(account_json(account));
  }
  return reply_page(call, name, "name", out);
}

Answer<> get_account(ApiCall& call, AccountKind kind) {
  auto accounts = TRY(call.api.accounts());
  return reply_object(call, account_json(TRY(find(*accounts, call.name(0), kind))));
}

Answer<> remove_account(ApiCall& call, AccountKind kind) {
  auto accounts = TRY(call.api.accounts());
  const access::Account account = TRY(find(*accounts, call.name(0), kind));
  TRY(check_match(call, account_json(account)));
  TRY(as_answer(access::remove_account(*accounts, account.name, kind)));
  return call.http.reply_empty(204);
}

// A role on a place, where the body names one.
Answer<access::FirstGrant> first_grant(const ApiCall& call, const std::string& usual_place) {
  access::FirstGrant out;
  const std::string role = call.body.string("role");
  if (role.empty() && call.body.has("on")) {
    return refusal_of(Error(Code::kInvalidArgument, "on needs role: what may it do there?"));
  }
  if (!role.empty()) out.role = TRY(as_answer(access::role_named(role)));
  const std::string place = call.body.has("on") ? call.body.string("on") : usual_place;
  out.node = TRY(as_answer(access::node_named(place)));
  return out;
}

Answer<> list_users(ApiCall& call) { return list_accounts(call, AccountKind::kUser, "users"); }
Answer<> get_user(ApiCall& call) { return get_account(call, AccountKind::kUser); }
Answer<> remove_user(ApiCall& call) { return remove_account(call, AccountKind::kUser); }

Answer<> add_user(ApiCall& call) {
  const std::string name = call.body.string("name");
  TRY(as_answer(access::check_user_name(name)));
  access::NewAccount account{.name = name};
  account.password = TRY(as_answer(access::hash_password(call.body.string("password"))));
  account.expires = TRY(expiry_member(call));
  const access::FirstGrant grant = TRY(first_grant(call, "/"));
  // Only now: that there are accounts closes the registry.
  auto accounts = TRY(call.api.accounts_to_change());
  const access::Account added = TRY(as_answer(access::add_user(*accounts, account, grant)));
  return reply_object(call, account_json(added), 201);
}

Answer<> owner_or_self(ApiCall& call) {
  const bool may = is_self(call, call.name(0)) && !call.body.has("disabled");
  if (call.caller.owns_server() || may) return {};
  return forbidden("");
}

// A new password, or whether the user is let in.
Answer<> change_user(ApiCall& call) {
  std::string hash;
  if (call.body.has("password")) {
    hash = TRY(as_answer(access::hash_password(call.body.string("password"))));
  }
  auto accounts = TRY(call.api.accounts());
  const access::Account account = TRY(find(*accounts, call.name(0), AccountKind::kUser));
  TRY(check_match(call, account_json(account)));
  Transaction tx = TRY((*accounts).db().begin());
  if (!hash.empty()) TRY(access::set_password(*accounts, account.name, hash));
  if (call.body.has("disabled")) {
    TRY(access::set_disabled(*accounts, account.name, call.body.boolean("disabled")));
  }
  TRY(tx.commit());
  return reply_object(call, account_json(TRY(find(*accounts, account.name, AccountKind::kUser))));
}

Answer<> list_robots(ApiCall& call) { return list_accounts(call, AccountKind::kRobot, "robots"); }
Answer<> get_robot(ApiCall& call) { return get_account(call, AccountKind::kRobot); }
Answer<> remove_robot(ApiCall& call) { return remove_account(call, AccountKind::kRobot); }

Answer<> add_robot(ApiCall& call) {
  const std::string name = call.body.string("name");
  TRY(as_answer(access::check_robot_name(name)));
  access::NewAccount account{.name = name, .kind = AccountKind::kRobot};
  account.expires = TRY(expiry_member(call));
  const access::FirstGrant grant =
      TRY(first_grant(call, std::string(split_once(name, '+')->first)));
  auto accounts = TRY(call.api.accounts_to_change());
  const access::NewRobot robot = TRY(as_answer(access::add_robot(*accounts, account, grant, {})));
  json::Value out = account_json(robot.account);
  out.set("secret", robot.secret.secret);
  return call.http.reply(201, "application/json", out.dump());
}

Answer<> renew_secret(ApiCall& call) {
  auto accounts = TRY(call.api.accounts());
  const access::Account robot = TRY(find(*accounts, call.name(0), AccountKind::kRobot));
  const access::MadeToken made = TRY(access::renew_secret(*accounts, robot.id, {}));
  return call.http.reply_json(json::object({{"secret", made.secret}}));
}

json::Value token_json(const access::Token& token) {
  json::Array limits;
  for (const access::TokenLimit& limit : token.limits) {
    limits.push_back(json::object({{"repositories", limit.repositories},
                                   {"tags", limit.tags},
                                   {"role", std::string(access::role_name(limit.role))}}));
  }
  return json::object({{"id", token.id},
                       {"account", token.account_name},
                       {"label", token.label},
                       {"refresh", token.refresh},
                       {"limits", std::move(limits)},
                       {"created", time_member(token.created)},
                       {"expires", time_member(token.expires)},
                       {"revoked", time_member(token.revoked)}});
}

bool lists_own(const ApiCall& call, const std::string& own) {
  const net::Query& query = call.http.request.query;
  return !query.has("account") || query.get("account") == own;
}

// An account makes, lists and ends its own tokens, which may no more than it does.
Answer<> owner_or_holder(ApiCall& call) {
  if (call.caller.owns_server()) return {};
  const std::string& own = call.http.viewer.name;
  const bool asks_for_own = call.http.request.method == "POST" ? call.body.string("account") == own
                            : call.names.empty()               ? lists_own(call, own)
                                                 : call.caller.has_token(call.name(0));
  if (is_self(call, own) && asks_for_own) return {};
  return forbidden("");
}

// All tokens are in memory, and read anew with each change of one.
Answer<> check_room(ApiCall& call, access::Store& store, const std::string& account) {
  constexpr size_t kMostTokens = 1'000;
  if (call.caller.owns_server()) return {};
  const size_t count = TRY(access::list_tokens(store, account)).size();
  if (count < kMostTokens) return {};
  return registry::Refusal({"DENIED", 409},
                           cat(account, " has ", count, " tokens, with those of the last 90 days: ",
                               "only who owns the server may add more"));
}

Answer<> list_tokens(ApiCall& call) {
  auto accounts = TRY(call.api.accounts());
  std::optional<std::string> account;
  if (call.http.request.query.has("account")) {
    account = call.http.request.query.get("account");
    TRY(as_answer(access::find_account(*accounts, *account)));
  }
  if (!call.caller.owns_server()) account = call.http.viewer.name;
  std::vector<access::Token> tokens = TRY(as_answer(access::list_tokens(*accounts, account)));
  std::ranges::sort(tokens, {}, &access::Token::id);
  json::Array out;
  for (const access::Token& token : tokens) out.push_back(token_json(token));
  return reply_page(call, "tokens", "id", out);
}

Answer<std::vector<access::TokenLimit>> limits_of(const ApiCall& call) {
  std::vector<access::TokenLimit> out;
  for (const json::Value& item : call.body.array("limits")) {
    access::TokenLimit limit;
    if (item.has("repositories")) limit.repositories = item.string("repositories");
    if (item.has("tags")) limit.tags = item.string("tags");
    if (item.has("role")) limit.role = TRY(as_answer(access::role_named(item.string("role"))));
    out.push_back(std::move(limit));
  }
  return out;
}

Answer<> add_token(ApiCall& call) {
  access::NewToken token{.label = call.body.string("label")};
  token.limits = TRY(limits_of(call));
  token.expires = TRY(expiry_member(call));
  auto accounts = TRY(call.api.accounts());
  token.account = TRY(as_answer(access::find_account(*accounts, call.body.string("account")))).id;
  TRY(check_room(call, *accounts, call.body.string("account")));
  const access::MadeToken made = TRY(as_answer(access::add_token(*accounts, token)));
  call.noted.set("id", made.id);
  return call.http.reply(201, "application/json",
                         json::object({{"id", made.id}, {"secret", made.secret}}).dump());
}

Answer<> revoke_token(ApiCall& call) {
  auto accounts = TRY(call.api.accounts());
  TRY(as_answer(access::revoke_token(*accounts, call.name(0))));
  return call.http.reply_empty(204);
}

constexpr ApiRoute kAccountRoutes[] = {
    {"GET", "/users", "", list_users},
    {"POST", "/users", "name! password:secret! role on expires", add_user},
    {"GET", "/users/{name}", "", get_user, owner_or_self},
    {"PATCH", "/users/{name}", "password:secret disabled:bool", change_user, owner_or_self},
    {"DELETE", "/users/{name}", "", remove_user},
    {"GET", "/robots", "", list_robots},
    {"POST", "/robots", "name! role on expires", add_robot},
    {"GET", "/robots/{name}", "", get_robot},
    {"DELETE", "/robots/{name}", "", remove_robot},
    {"POST", "/robots/{name}/secret", "", renew_secret},
    {"GET", "/tokens", "", list_tokens, owner_or_holder},
    {"POST", "/tokens", "account! label limits:[repositories tags role] expires", add_token,
     owner_or_holder},
    {"DELETE", "/tokens/{id}", "", revoke_token, owner_or_holder},
};

}  // namespace

std::span<const ApiRoute> account_routes() { return kAccountRoutes; }

}  // namespace skiff::manage
