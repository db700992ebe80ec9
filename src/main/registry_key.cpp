// skiff-registry key ...
#include "access/signing_keys.h"
#include "base/strings.h"
#include "main/registry_commands.h"

namespace skiff {

namespace {

Result<> list_keys(const Invocation& call) {
  access::Store store = TRY(accounts_to_read(call));
  std::vector<std::vector<std::string>> rows = {{"ID", "SIGNS UNTIL", "CHECKED UNTIL"}};
  for (const access::SigningKey& key : TRY(access::signing_keys(store))) {
    rows.push_back({key.id, time_text(key.signs_until), time_text(key.checks_until)});
  }
  print_table(rows);
  return {};
}

Result<> rotate_keys(const Invocation& call) {
  access::Store store = TRY(accounts_to_read(call));
  return call.drop ? access::drop_signing_keys(store) : access::rotate_signing_keys(store);
}

constexpr Verb kKeyVerbs[] = {
    {"key list", "", "List the keys that sign short-lived tokens", "", 0, 0, list_keys, true},
    {"key rotate", "",
     "Sign with a new key from now on; the one of before checks what it signed until that is over",
     "drop", 0, 0, rotate_keys},
};

}  // namespace

std::span<const Verb> key_verbs() { return kKeyVerbs; }

}  // namespace skiff
