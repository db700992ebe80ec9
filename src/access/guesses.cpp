#include "access/guesses.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "access/store.h"
#include "base/scope_exit.h"
#include "base/strings.h"

namespace skiff::access {

namespace {

constexpr const char* kGuessMigrations[] = {
    "CREATE TABLE guess("
    " key TEXT PRIMARY KEY NOT NULL, failures INTEGER NOT NULL,"
    " last INTEGER NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX guess_by_age ON guess(last);"};

constexpr int64_t kFreeOfAddress = 10;
constexpr int64_t kFreeOfAccount = 20;
constexpr std::chrono::seconds kMostOfAddress{15 * 60};
constexpr std::chrono::seconds kMostOfAccount{60};
constexpr std::chrono::hours kMemory{1};
constexpr size_t kMaxCounts = 100'000;
constexpr size_t kMaxKey = 128;  // of an account that there need not be

std::string account_key(const std::string& account) {
  return cat("account:", std::string_view(account).substr(0, kMaxKey));
}

std::string address_key(const std::string& address) {
  const std::string place = guessing_address(address);
  return place.empty() ? "" : cat("address:", place);
}

constexpr std::string_view kTryAgain = ": try again in ";

std::chrono::seconds wait_after(int64_t failures, int64_t free, std::chrono::seconds most) {
  if (failures < free) return std::chrono::seconds(0);
  const int64_t doublings = std::min<int64_t>(failures - free, 20);
  return std::min(most, std::chrono::seconds(int64_t{1} << doublings));
}

}  // namespace

std::string guessing_address(const std::string& address) {
  in_addr four{};
  if (::inet_pton(AF_INET, address.c_str(), &four) == 1) {
    return (ntohl(four.s_addr) >> 24U) == IN_LOOPBACKNET ? "" : address;
  }
  std::string plain = address;
  std::erase_if(plain, [](char c) { return c == '[' || c == ']'; });
  in6_addr six{};
  if (::inet_pton(AF_INET6, plain.c_str(), &six) != 1 || IN6_IS_ADDR_LOOPBACK(&six)) return "";
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (IN6_IS_ADDR_V4MAPPED(&six)) {
    ::inet_ntop(AF_INET, &six.s6_addr[12], text.data(), text.size());
    return guessing_address(text.data());
  }
  std::fill(std::begin(six.s6_addr) + 8, std::end(six.s6_addr), uint8_t{0});
  ::inet_ntop(AF_INET6, &six, text.data(), text.size());
  return cat(text.data(), "/64");
}

std::chrono::seconds wait_told(const Error& error) {
  const std::string_view text = error.message();
  const size_t at = text.rfind(kTryAgain);
  if (at == std::string_view::npos) return std::chrono::seconds(1);
  const std::string_view rest = text.substr(at + kTryAgain.size());
  return std::chrono::seconds(parse_int(rest.substr(0, rest.find(' '))).value_or(1));
}

Result<bool> check_password(PasswordChecker& checker, Guesses& guesses,
                            const PasswordAttempt& attempt) {
  const auto& [name, password, hash, address, stand_in] = attempt;
  if (hash && checker.remembers(name, password, *hash)) return true;
  if (const auto wait = guesses.begin(name, address); wait.count() > 0) {
    return Error(Code::kResourceExhausted,
                 cat("too many wrong passwords", kTryAgain, wait.count(), " seconds"));
  }
  const ScopeExit done([&] { guesses.end(attempt.name, attempt.address); });
  const bool right = TRY(checker.check(name, password, hash, stand_in));
  TRY(right ? guesses.succeeded(name) : guesses.failed(name, address));
  return right;
}

Result<std::unique_ptr<Guesses>> Guesses::open(const Path& root, const Clock& clock) {
  const Path file = root / "guesses.db";
  TRY(make_private(file, IfMissing::kMake));
  Database db = TRY_CONTEXT(Database::open(file, kGuessMigrations), file.native());
  std::unique_ptr<Guesses> guesses(new Guesses(std::move(db), clock));
  TRY(guesses->forget_old());
  TRY(guesses->load());
  return guesses;
}

Result<> Guesses::load() {
  Statement row = TRY(db_.prepare("SELECT key, failures, last, until FROM guess"));
  const auto time = [&](int column) {
    return TimePoint(std::chrono::nanoseconds(row.integer(column)));
  };
  while (TRY(row.step())) counts_[row.text(0)] = {row.integer(1), time(2), time(3)};
  return {};
}

std::chrono::seconds Guesses::begin(const std::string& account, const std::string& address) {
  std::lock_guard lock(mutex_);
  if (const auto wait = wait_of(account, address); wait.count() > 0) return wait;
  const std::string by_account = account_key(account);
  const std::string by_address = address_key(address);
  if (is_full(by_account, kFreeOfAccount)) return std::chrono::seconds(1);
  if (!by_address.empty() && is_full(by_address, kFreeOfAddress)) return std::chrono::seconds(1);
  ++checking_[by_account];
  if (!by_address.empty()) ++checking_[by_address];
  return std::chrono::seconds(0);
}

void Guesses::end(const std::string& account, const std::string& address) {
  std::lock_guard lock(mutex_);
  for (const std::string& key : {account_key(account), address_key(address)}) {
    const auto found = checking_.find(key);
    if (found != checking_.end() && --found->second == 0) checking_.erase(found);
  }
}

// Whether one is being checked that may not have company.
bool Guesses::is_full(const std::string& key, int64_t free) const {
  const auto counted = counts_.find(key);
  if (counted == counts_.end() || counted->second.last + kMemory <= clock_.now()) return false;
  return counted->second.failures >= free && checking_.contains(key);
}

std::chrono::seconds Guesses::must_wait(const std::string& account, const std::string& address) {
  std::lock_guard lock(mutex_);
  return wait_of(account, address);
}

std::chrono::seconds Guesses::wait_of(const std::string& account,
                                      const std::string& address) const {
  TimePoint until;
  for (const std::string& key : {account_key(account), address_key(address)}) {
    const auto found = counts_.find(key);
    if (found != counts_.end()) until = std::max(until, found->second.until);
  }
  const auto left = std::chrono::ceil<std::chrono::seconds>(until - clock_.now());
  return until == TimePoint{} ? std::chrono::seconds(0) : std::max(left, std::chrono::seconds(0));
}

Result<> Guesses::failed(const std::string& account, const std::string& address) {
  std::lock_guard lock(mutex_);
  if (counts_.size() >= kMaxCounts) TRY(forget_old());
  TRY(count(account_key(account), kFreeOfAccount, kMostOfAccount));
  const std::string place = address_key(address);
  if (place.empty()) return {};
  return count(place, kFreeOfAddress, kMostOfAddress);
}

Result<> Guesses::count(const std::string& key, int64_t free, std::chrono::seconds most) {
  const auto found = counts_.find(key);
  // Full of guesses of this hour: those that are known go on being counted.
  if (found == counts_.end() && counts_.size() >= kMaxCounts) return {};
  Count next = found == counts_.end() ? Count{} : found->second;
  if (next.last + kMemory <= clock_.now()) next = {};
  next.last = clock_.now();
  const auto wait = wait_after(++next.failures, free, most);
  next.until = wait.count() > 0 ? next.last + wait : TimePoint{};
  counts_[key] = next;
  TRY(
      db_.run("INSERT INTO guess(key, failures, last, until) VALUES (?,?,?,?) "
              "ON CONFLICT(key) DO UPDATE SET failures = excluded.failures, last = excluded.last, "
              "until = excluded.until",
              key, next.failures, unix_nanos(next.last), unix_nanos(next.until)));
  return {};
}

Result<> Guesses::succeeded(const std::string& account) {
  std::lock_guard lock(mutex_);
  const std::string key = account_key(account);
  if (counts_.erase(key) == 0) return {};
  TRY(db_.run("DELETE FROM guess WHERE key = ?", key));
  return {};
}

Result<> Guesses::forget_old() {
  const TimePoint old = clock_.now() - kMemory;
  std::erase_if(counts_, [&](const auto& entry) { return entry.second.last <= old; });
  TRY(db_.run("DELETE FROM guess WHERE last <= ?", unix_nanos(old)));
  return {};
}

}  // namespace skiff::access
