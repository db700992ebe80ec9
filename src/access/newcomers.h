// Newcomers: accounts with what they are given at once. Each is one transaction: all of it is
// there, or nothing.
#pragma once

#include "access/accounts.h"
#include "access/grants.h"
#include "access/tokens.h"

namespace skiff::access {

struct FirstGrant {
  Role role = Role::kNone;  // kNone: none
  std::string node;
};

Result<Account> add_user(Store& store, const NewAccount& account, const FirstGrant& grant);

struct NewRobot {
  Account account;
  MadeToken secret;
};
Result<NewRobot> add_robot(Store& store, const NewAccount& account, const FirstGrant& grant,
                           TimePoint secret_expires);
// Those of before are revoked.
Result<MadeToken> renew_secret(Store& store, int64_t robot, TimePoint expires);

}  // namespace skiff::access
