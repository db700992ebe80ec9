// Guesses: wrong passwords, counted for each account and each address, also across restarts
// (ROOT/guesses.db, mode 0600). Who guesses has to wait longer each time.
//
//   const auto wait = guesses.must_wait("ann", "192.0.2.7");
//   if (wait.count() == 0 && wrong) TRY(guesses.failed("ann", "192.0.2.7"));
//
// An address may be wrong ten times, an account twenty times, at the cost of nothing; from then on
// each failure doubles the wait, from a second to fifteen minutes for an address, to one minute for
// an account: who is guessed at by others must get in at last. What is an hour old is forgotten. Of
// version 6 the first 64 bits count as the address; loopback is none, since all who come through a
// proxy share it. Secrets of 256 bits are not guessed and not counted. Thread-safe.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "access/passwords.h"
#include "base/clock.h"
#include "db/database.h"

namespace skiff::access {

class Guesses {
 public:
  static Result<std::unique_ptr<Guesses>> open(const Path& root, const Clock& clock);

  // Zero: a password may be checked, and end() must follow. Of who had to wait before only one is
  // checked at a time, so that many at once are no more than one after the other.
  std::chrono::seconds begin(const std::string& account, const std::string& address);
  void end(const std::string& account, const std::string& address);
  // Zero: no wait.
  std::chrono::seconds must_wait(const std::string& account, const std::string& address);
  Result<> failed(const std::string& account, const std::string& address);
  // The right password: the account's count begins anew, the address' stays.
  Result<> succeeded(const std::string& account);

 private:
  struct Count {
    int64_t failures = 0;
    TimePoint last;
    TimePoint until;
  };
  Guesses(Database db, const Clock& clock) : db_(std::move(db)), clock_(clock) {}
  Result<> load();
  std::chrono::seconds wait_of(const std::string& account, const std::string& address) const;
  bool is_full(const std::string& key, int64_t free) const;
  Result<> count(const std::string& key, int64_t free, std::chrono::seconds most);
  Result<> forget_old();

  std::mutex mutex_;  // guards what follows
  Database db_;
  const Clock& clock_;
  std::map<std::string, Count> counts_;
  std::map<std::string, int64_t> checking_;  // by key
};

struct PasswordAttempt {
  std::string name;
  std::string password;
  std::optional<std::string> hash;  // of that name's password; nullopt: there is no such name
  std::string address;              // of the client; "" for none
  std::string stand_in;             // for who is not there (PasswordChecker::check)
};
// PasswordChecker::check, with guesses counted. kResourceExhausted, in words for the client, for
// who must wait; who was right before need not.
Result<bool> check_password(PasswordChecker& checker, Guesses& guesses,
                            const PasswordAttempt& attempt);

// How long such an error says to wait.
std::chrono::seconds wait_told(const Error& error);

// "192.0.2.7", "2001:db8:1:2::/64"; "" for loopback and what is no address.
std::string guessing_address(const std::string& address);

}  // namespace skiff::access
