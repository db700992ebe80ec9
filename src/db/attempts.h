// Transactions that a database server refuses because of others that ran beside them: each alone
// would have gone through, so it is run again, from its start.
//
//   return with_attempts(db, [&](Transaction& tx) -> Result<bool> {
//     ...                       // nothing outside changes by it that a second time would not mend
//     TRY(tx.commit());
//     return true;
//   });
//
// Those that it met have ended when it is refused, so of all that are at work at least one comes
// through each time.
#pragma once

#include "db/database.h"

namespace skiff {

// Enough for hundreds at work on the same rows.
inline constexpr int kMostAttempts = 50;

// A random while, longer with each attempt: for those that met to part.
void wait_before_attempt(int attempt);

// One of them; `refused` tells whether it is to be run again.
template <typename Work>
auto attempt(Database& db, const Work& work, bool& refused)
    -> std::invoke_result_t<Work, Transaction&> {
  const auto run = [&]() -> std::invoke_result_t<Work, Transaction&> {
    Transaction tx = TRY(db.begin());
    return work(tx);
  };
  auto result = run();
  refused = !result && db.refused();
  return result;
}

template <typename Work>
auto with_attempts(Database& db, const Work& work) {
  for (int attempts = 1;; ++attempts) {
    bool refused = false;
    auto result = attempt(db, work, refused);
    if (!refused || attempts == kMostAttempts) return result;
    wait_before_attempt(attempts);
  }
}

}  // namespace skiff
