#include "access/newcomers.h"

namespace skiff::access {

namespace {

Result<Account> add_with_grant(Store& store, const NewAccount& account, const FirstGrant& grant) {
  Account added = TRY(add_account(store, account));
  if (grant.role != Role::kNone) {
    TRY(set_grant(store, grant.node, {Subject::Kind::kAccount, added.id}, grant.role));
  }
  return added;
}

Result<MadeToken> insert_secret(Store& store, int64_t robot, TimePoint expires) {
  const NewToken secret{.account = robot, .label = "secret", .limits = {}, .expires = expires};
  return insert_token(store, secret);
}

}  // namespace

Result<Account> add_user(Store& store, const NewAccount& account, const FirstGrant& grant) {
  Transaction tx = TRY(store.db().begin());
  Account added = TRY(add_with_grant(store, account, grant));
  TRY(tx.commit());
  return added;
}

Result<NewRobot> add_robot(Store& store, const NewAccount& account, const FirstGrant& grant,
                           TimePoint secret_expires) {
  Transaction tx = TRY(store.db().begin());
  NewRobot robot;
  robot.account = TRY(add_with_grant(store, account, grant));
  robot.secret = TRY(insert_secret(store, robot.account.id, secret_expires));
  TRY(tx.commit());
  return robot;
}

Result<MadeToken> renew_secret(Store& store, int64_t robot, TimePoint expires) {
  Transaction tx = TRY(store.db().begin());
  TRY(revoke_tokens_of(store, robot));
  MadeToken made = TRY(insert_secret(store, robot, expires));
  TRY(tx.commit());
  return made;
}

}  // namespace skiff::access
