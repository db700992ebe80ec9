// skiff-registry user ...
#include "access/newcomers.h"
#include "access/passwords.h"
#include "base/strings.h"
#include "main/registry_commands.h"

namespace skiff {

namespace {

using access::AccountKind;

Result<> add_user(const Invocation& call) {
  const std::string& name = call.operands[0];
  TRY(access::check_user_name(name));
  const access::Role role = TRY(role_of_new(call));
  const std::string node = TRY(access::node_named(call.on.empty() ? "/" : call.on));
  const TimePoint expires = TRY(expiry(call, Clock::system().now()));
  const std::string hash = TRY(access::hash_password(TRY(new_password(call))));
  access::Store store = TRY(accounts_to_change(call));
  TRY(access::add_user(store, {.name = name, .password = hash, .expires = expires}, {role, node}));
  return {};
}

Result<> list_users(const Invocation& call) {
  access::Store store = TRY(accounts_to_read(call));
  std::vector<std::vector<std::string>> rows = {{"NAME", "STATE", "CREATED", "EXPIRES"}};
  for (const access::Account& account : TRY(access::list_accounts(store, AccountKind::kUser))) {
    rows.push_back({account.name, account.disabled ? "disabled" : "enabled",
                    time_text(account.created), time_text(account.expires)});
  }
  print_table(rows);
  return {};
}

Result<> remove_user(const Invocation& call) {
  access::Store store = TRY(accounts_to_read(call));
  return access::remove_account(store, call.operands[0], AccountKind::kUser);
}

Result<> change_password(const Invocation& call) {
  access::Store store = TRY(accounts_to_read(call));
  TRY(access::find_account(store, call.operands[0]));
  const std::string hash = TRY(access::hash_password(TRY(new_password(call))));
  return access::set_password(store, call.operands[0], hash);
}

Result<> enable_user(const Invocation& call) {
  access::Store store = TRY(accounts_to_read(call));
  return access::set_disabled(store, call.operands[0], false);
}

Result<> disable_user(const Invocation& call) {
  access::Store store = TRY(accounts_to_read(call));
  return access::set_disabled(store, call.operands[0], true);
}

constexpr Verb kUserVerbs[] = {
    {"user add", "NAME", "Add a user, with a password", "password-stdin role on expires", 1, 1,
     add_user},
    {"user list", "", "List the users", "", 0, 0, list_users, true},
    {"user remove", "NAME", "Remove a user, with all that was granted and all tokens", "", 1, 1,
     remove_user},
    {"user password", "NAME", "Change a user's password", "password-stdin", 1, 1, change_password},
    {"user enable", "NAME", "Let a user in again", "", 1, 1, enable_user},
    {"user disable", "NAME", "Keep a user out, and all its tokens, for the time being", "", 1, 1,
     disable_user},
};

}  // namespace

std::span<const Verb> user_verbs() { return kUserVerbs; }

}  // namespace skiff
