// What another process changes while a client is connected, and what was just answered is
// remembered (db/memo.h): it counts with the client's next request.
#include "db/test_elsewhere.h"
#include "registry/test_accounts.h"

namespace skiff::registry {
namespace {

class OtherProcess : public AccountsTest {
 protected:
  void SetUp() override {
    if (!on_sqlite()) GTEST_SKIP() << "of files";
    AccountsTest::SetUp();
  }
  void change(const std::string& database, const std::string& sql) {
    run_elsewhere(options_.root / database, sql);
  }
  // By the client's one connection, twice: the second is answered from memory.
  int get_twice(const std::string& target, const Fields& who = {}) {
    const int first = client().get(target, who).status;
    const int second = client().get(target, who).status;
    EXPECT_EQ(first, second);
    return second;
  }
};

TEST_F(OtherProcess, ABlobThatIsTakenAwayIsGone) {
  const std::string digest = client().push_blob("acme/web", "bytes");
  const std::string target = blob_path("acme/web", digest);
  EXPECT_EQ(get_twice(target), 200);
  change("registry.db", cat("UPDATE blob SET damaged = 1 WHERE digest = '", digest, "'"));
  EXPECT_EQ(get_twice(target), 404);
  change("registry.db", cat("UPDATE blob SET damaged = 0 WHERE digest = '", digest, "'"));
  EXPECT_EQ(get_twice(target), 200);
  change("registry.db", cat("DELETE FROM link WHERE digest = '", digest, "'"));
  EXPECT_EQ(get_twice(target), 404);
}

TEST_F(OtherProcess, AContentRowThatIsTakenAwayIsGone) {
  const std::string digest = client().push_blob("acme/web", "bytes");
  const std::string target = blob_path("acme/web", digest);
  EXPECT_EQ(get_twice(target), 200);
  change("content/content.db", cat("DELETE FROM blob WHERE digest = '", digest, "'"));
  EXPECT_EQ(get_twice(target), 404);
}

TEST_F(OtherProcess, ARightThatIsTakenAwayIsGone) {
  const std::string digest = client().push_blob("acme/web", "bytes");
  const std::string target = blob_path("acme/web", digest);
  EXPECT_EQ(get_twice(target), 200);
  allow(add_user("ann"), "acme", access::Role::kPull);
  EXPECT_EQ(get_twice(target), 401);
  EXPECT_EQ(get_twice(target, as("ann")), 200);
  change("access.db", "DELETE FROM access_grant");
  EXPECT_EQ(get_twice(target, as("ann")), 404);
  change("access.db", "UPDATE account SET disabled = 1 WHERE name = 'ann'");
  EXPECT_EQ(get_twice(target, as("ann")), 401);
}

}  // namespace
}  // namespace skiff::registry
