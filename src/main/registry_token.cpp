// skiff-registry token ...
#include <cstdio>

#include "access/accounts.h"
#include "access/tokens.h"
#include "base/strings.h"
#include "main/registry_commands.h"

namespace skiff {

namespace {

Result<std::vector<access::TokenLimit>> limits(const Invocation& call) {
  std::vector<access::TokenLimit> out;
  if (call.repositories.empty() && call.tags.empty() && call.role.empty()) return out;
  const access::Role role =
      call.role.empty() ? access::Role::kOwn : TRY(access::role_named(call.role));
  for (const Patterns& each : patterns(call)) out.push_back({each.repositories, each.tags, role});
  return out;
}

Result<> create_token(const Invocation& call) {
  access::NewToken token{.label = call.label};
  token.limits = TRY(limits(call));
  token.expires = TRY(expiry(call, Clock::system().now()));
  access::Store store = TRY(accounts_to_read(call));
  token.account = TRY(access::find_account(store, call.operands[0])).id;
  const access::MadeToken made = TRY(access::add_token(store, token));
  fputs(cat(made.secret, "\n").c_str(), stdout);
  fputs(cat("Token ", made.id, " of ", call.operands[0], "; it is shown only now.\n").c_str(),
        stderr);
  return {};
}

std::string limits_text(const access::Token& token) {
  if (token.refresh) return "all that the account may, by short-lived tokens";
  if (token.limits.empty()) return "all that the account may";
  std::vector<std::string> parts;
  for (const access::TokenLimit& limit : token.limits) {
    parts.push_back(cat(access::role_name(limit.role), " ", limit.repositories, ":", limit.tags));
  }
  return join(parts, ", ");
}

Result<> list_tokens(const Invocation& call) {
  access::Store store = TRY(accounts_to_read(call));
  std::optional<std::string> account;
  if (!call.operands.empty()) account = TRY(access::find_account(store, call.operands[0])).name;
  const TimePoint now = Clock::system().now();
  std::vector<std::vector<std::string>> rows = {
      {"ID", "ACCOUNT", "STATE", "EXPIRES", "LAST USED", "MAY AT MOST", "LABEL"}};
  for (const access::Token& token : TRY(access::list_tokens(store, account))) {
    const bool over = token.expires != TimePoint{} && token.expires <= now;
    const char* state = token.revoked != TimePoint{} ? "revoked" : over ? "expired" : "valid";
    rows.push_back({token.id, token.account_name, state, time_text(token.expires),
                    time_text(token.used), limits_text(token), token.label});
  }
  print_table(rows);
  return {};
}

Result<> revoke_token(const Invocation& call) {
  access::Store store = TRY(accounts_to_read(call));
  return access::revoke_token(store, call.operands[0]);
}

constexpr Verb kTokenVerbs[] = {
    {"token create", "NAME", "Print a new token of a user, to be used in place of the password",
     "label repository tag role expires", 1, 1, create_token},
    {"token list", "[NAME]", "List the tokens, of one account or all", "", 0, 1, list_tokens, true},
    {"token revoke", "ID", "End a token now", "", 1, 1, revoke_token},
};

}  // namespace

std::span<const Verb> token_verbs() { return kTokenVerbs; }

}  // namespace skiff
