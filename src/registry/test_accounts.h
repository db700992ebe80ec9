// For tests of this folder: a registry with accounts, and what commands do to them from another
// process.
#pragma once

#include "codec/base64.h"
#include "registry/directory_access.h"
#include "registry/test_registry.h"

namespace skiff::registry {

inline Fields basic(const std::string& name, const std::string& secret) {
  return {{"Authorization", cat("Basic ", base64_encode(cat(name, ":", secret)))}};
}
inline Fields bearer(const std::string& token) {
  return {{"Authorization", cat("Bearer ", token)}};
}

class AccountsTest : public RegistryTest {
 protected:
  access::Store commands() { return *access::Store::open_or_create(options_.root, clock_); }
  // With the password "secret-1".
  int64_t add_user(const std::string& name) {
    access::Store store = commands();
    return access::add_account(store, {.name = name, .password = password_})->id;
  }
  void allow(int64_t account, const std::string& node, access::Role role) {
    access::Store store = commands();
    ASSERT_TRUE(access::set_grant(store, node, {access::Subject::Kind::kAccount, account}, role));
  }
  Fields as(const std::string& name) { return basic(name, "secret-1"); }
  int status(const std::string& method, const std::string& target, const Fields& who) {
    return client().call(method, target, "", who).status;
  }

 private:
  const std::string password_ = *access::hash_password("secret-1");
};

}  // namespace skiff::registry
