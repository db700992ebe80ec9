// Accounts: users, who have a password, and robots, who have a secret (tokens.h).
//
// Errors of all: kNotFound and kAlreadyExists name the account as it was given.
#pragma once

#include <vector>

#include "access/store.h"

namespace skiff::access {

enum class AccountKind { kUser, kRobot };

struct Account {
  int64_t id = 0;
  std::string name;
  AccountKind kind = AccountKind::kUser;
  std::string password;  // hash of crypt(3); "": none
  bool disabled = false;
  TimePoint created;
  TimePoint expires;  // zero: never
};

struct NewAccount {
  std::string name;
  AccountKind kind = AccountKind::kUser;
  std::string password;  // hash
  TimePoint expires;
};

// Refuses names that are of another kind's form.
Result<Account> add_account(Store& store, const NewAccount& account);
Result<Account> find_account(Store& store, const std::string& name);
// By name.
Result<std::vector<Account>> list_accounts(Store& store, AccountKind kind);
// With its memberships, grants and tokens.
Result<> remove_account(Store& store, const std::string& name, AccountKind kind);
// Ends the refresh tokens that the one before got.
Result<> set_password(Store& store, const std::string& name, const std::string& hash);
Result<> set_disabled(Store& store, const std::string& name, bool disabled);

}  // namespace skiff::access
