#include "access/signing_keys.h"

#include "base/random.h"
#include "base/strings.h"
#include "codec/signature.h"

namespace skiff::access {

namespace {

constexpr std::chrono::hours kSigns{30 * 24};
constexpr std::chrono::hours kChecksLonger{24};
constexpr size_t kKeyIdDigits = 16;

Result<SigningKey> make_key(Store& store) {
  const Ed25519Key pair = TRY(make_ed25519_key());
  SigningKey key{.id = random_hex(kKeyIdDigits),
                 .public_key = pair.public_key,
                 .private_key = pair.private_key,
                 .signs_until = store.now() + kSigns,
                 .checks_until = store.now() + kSigns + kChecksLonger};
  Statement row = TRY(store.db().prepare(
      "INSERT INTO signing_key(id, public_key, private_key, created, signs_until, checks_until) "
      "VALUES (?,?,?,?,?,?)"));
  TRY(row.bind(1, std::string_view(key.id)));
  TRY(row.bind_blob(2, key.public_key));
  TRY(row.bind_blob(3, key.private_key));
  TRY(row.bind(4, unix_nanos(store.now())));
  TRY(row.bind(5, unix_nanos(key.signs_until)));
  TRY(row.bind(6, unix_nanos(key.checks_until)));
  TRY(row.step());
  return key;
}

}  // namespace

Result<std::vector<SigningKey>> signing_keys(Store& store) {
  Statement row =
      TRY(store.db().prepare("SELECT id, public_key, private_key, signs_until, "
                             "checks_until FROM signing_key ORDER BY signs_until DESC"));
  std::vector<SigningKey> keys;
  while (TRY(row.step())) {
    keys.push_back({row.text(0), row.text(1), row.text(2), time_of(row, 3), time_of(row, 4)});
  }
  return keys;
}

Result<SigningKey> current_signing_key(Store& store) {
  // Looked at again under the writer's lock: another server may have made one.
  Transaction tx = TRY(store.db().begin());
  TRY(store.db().run("DELETE FROM signing_key WHERE checks_until <= ?", unix_nanos(store.now())));
  for (SigningKey& key : TRY(signing_keys(store))) {
    if (key.signs_until <= store.now()) continue;
    TRY(tx.commit());
    return std::move(key);
  }
  SigningKey key = TRY(make_key(store));
  TRY(tx.commit());
  return key;
}

Result<> rotate_signing_keys(Store& store) {
  Transaction tx = TRY(store.db().begin());
  TRY(
      store.db().run("UPDATE signing_key SET signs_until = ?1, checks_until = ?2"
                     " WHERE signs_until > ?1",
                     unix_nanos(store.now()), unix_nanos(store.now() + kChecksLonger)));
  TRY(make_key(store));
  return tx.commit();
}

Result<> drop_signing_keys(Store& store) {
  TRY(store.db().run("DELETE FROM signing_key"));
  return {};
}

}  // namespace skiff::access
