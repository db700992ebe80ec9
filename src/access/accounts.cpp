#include "access/accounts.h"

#include "access/roles.h"
#include "access/tokens.h"
#include "base/strings.h"

namespace skiff::access {

namespace {

constexpr std::string_view kColumns =
    "SELECT id, name, kind, password, disabled, created, expires FROM account ";

std::string_view kind_text(AccountKind kind) {
  return kind == AccountKind::kUser ? "user" : "robot";
}

Account read_account(const Statement& row) {
  return {.id = row.integer(0),
          .name = row.text(1),
          .kind = row.text(2) == "robot" ? AccountKind::kRobot : AccountKind::kUser,
          .password = row.text(3),
          .disabled = row.integer(4) != 0,
          .created = time_of(row, 5),
          .expires = time_of(row, 6)};
}

Error no_such(std::string_view what, const std::string& name) {
  return {Code::kNotFound, cat("no such ", what, ": ", name)};
}

}  // namespace

Result<Account> add_account(Store& store, const NewAccount& account) {
  TRY(account.kind == AccountKind::kUser ? check_user_name(account.name)
                                         : check_robot_name(account.name));
  const Result<int64_t> added = store.db().run(
      "INSERT INTO account(name, kind, password, created, expires) VALUES (?,?,?,?,?)",
      account.name, kind_text(account.kind), account.password, unix_nanos(store.now()),
      unix_nanos(account.expires));
  if (!added && added.error().code() == Code::kAlreadyExists) {
    return Error(Code::kAlreadyExists,
                 cat(kind_text(account.kind), " ", account.name, " is there already"));
  }
  if (!added) return added.error();
  return find_account(store, account.name);
}

Result<Account> find_account(Store& store, const std::string& name) {
  Statement row = TRY(store.db().prepare(cat(kColumns, "WHERE name = ?"), name));
  if (!TRY(row.step())) {
    return no_such(name.find('+') == std::string::npos ? "user" : "robot", name);
  }
  return read_account(row);
}

Result<std::vector<Account>> list_accounts(Store& store, AccountKind kind) {
  Statement row =
      TRY(store.db().prepare(cat(kColumns, "WHERE kind = ? ORDER BY name"), kind_text(kind)));
  std::vector<Account> accounts;
  while (TRY(row.step())) accounts.push_back(read_account(row));
  return accounts;
}

Result<> remove_account(Store& store, const std::string& name, AccountKind kind) {
  Transaction tx = TRY(store.db().begin());
  TRY(
      store.db().run("DELETE FROM access_grant WHERE subject_kind = 'account' AND subject IN "
                     "(SELECT id FROM account WHERE name = ? AND kind = ?)",
                     name, kind_text(kind)));
  const int64_t removed =
      TRY(store.db().run("DELETE FROM account WHERE name = ? AND kind = ?", name, kind_text(kind)));
  if (removed == 0) return no_such(kind_text(kind), name);
  return tx.commit();
}

Result<> set_password(Store& store, const std::string& name, const std::string& hash) {
  // First: what fails behind it leaves none that the new password does not know of.
  TRY(revoke_refresh_tokens_of(store, name));
  const int64_t set = TRY(store.db().run(
      "UPDATE account SET password = ? WHERE name = ? AND kind = 'user'", hash, name));
  if (set == 0) return no_such("user", name);
  return {};
}

Result<> set_disabled(Store& store, const std::string& name, bool disabled) {
  const int64_t set =
      TRY(store.db().run("UPDATE account SET disabled = ? WHERE name = ?", disabled ? 1 : 0, name));
  if (set == 0) return no_such("account", name);
  return {};
}

}  // namespace skiff::access
