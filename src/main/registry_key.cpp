// skiff-registry key ...
#include "access/signing_keys.h"
#include "base/strings.h"
#include "main/registry_commands.h"

namespace skiff {

namespace {

Result<> list(const Invocation& call) {
  access::Store store = TRY(accounts_to_read(call));
  std::vector<std::vector<std::string>> rows = {{"ID", "SIGNS UNTIL", "CHECKED UNTIL"}};
  for (const access::SigningKey& key : TRY(access::signing_keys(store))) {
    rows.push_back({key.id, time_text(key.signs_until), time_text(key.checks_until)});
  }
  print_table(rows);
  return {};
}

Result<> rotate(const Invocation& call) {
  access::Store store = TRY(accounts_to_read(call));
  return call.drop ? access::drop_signing_keys(store) : access::rotate_signing_keys(store);
}

constexpr Verb kVerbs[] = {
    {"key list", "", "List the keys that sign short-lived tokens", "", 0, 0, list, true},
    {"key rotate", "",
     "Sign with a new key from now on; the one of before checks what it signed until that is over",
     "drop", 0, 0, rotate},
};

}  // namespace

std::span<const Verb> key_verbs() { return kVerbs; }

}  // namespace skiff
