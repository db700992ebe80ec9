// Database files that are removed or replaced under a registry that serves, and what a client
// meets then: nothing is acknowledged that would be lost, and nobody let in for it.
#include "registry/test_accounts.h"

namespace skiff::registry {
namespace {

class LostDatabase : public AccountsTest {
 protected:
  void SetUp() override {
    if (!on_sqlite()) GTEST_SKIP() << "of files";
    AccountsTest::SetUp();
  }
  void remove_database(const std::string& name) {
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::filesystem::remove(options_.root / cat(name, suffix));
    }
  }
  void replace_database(const std::string& name) {
    const Path file = options_.root / name;
    std::filesystem::copy_file(file, options_.root / "copy");
    std::filesystem::rename(options_.root / "copy", file);
  }
  int push_status(const std::string& bytes) {
    const std::string digest = oci::Digest::of(bytes).str();
    return client().call("POST", cat("/v2/a/blobs/uploads/?digest=", digest), bytes).status;
  }
  std::vector<std::string> reasons() {
    const Reply reply = client().get("/readyz");
    EXPECT_EQ(reply.status, reply.json().strings("reasons").empty() ? 200 : 503);
    return reply.json().strings("reasons");
  }
  using Reasons = std::vector<std::string>;
};

TEST_F(LostDatabase, NothingIsPushedIntoOneThatIsGone) {
  const std::string digest = push_image("a", "1", "config", {"layer"});
  EXPECT_EQ(reasons(), Reasons{});
  remove_database("registry.db");
  EXPECT_EQ(push_status("other"), 503);
  EXPECT_EQ(client().put_manifest("a", "2", image_of("config", {"layer"})).status, 503);
  EXPECT_EQ(client().remove(manifest_path("a", digest)).status, 503);
  EXPECT_EQ(client().get(manifest_path("a", "1")).status, 200);
  EXPECT_EQ(reasons(), Reasons{"database"});
}

TEST_F(LostDatabase, NothingIsPushedIntoOneThatIsCoveredByAnother) {
  push_image("a", "1", "config", {"layer"});
  replace_database("registry.db");
  EXPECT_EQ(push_status("other"), 503);
  EXPECT_EQ(reasons(), Reasons{"database"});
}

TEST_F(LostDatabase, NoBlobIsPushedWhereTheRecordsAreGone) {
  push_image("a", "1", "config", {"layer"});
  remove_database("content/content.db");
  EXPECT_EQ(push_status("other"), 503);
  EXPECT_EQ(reasons(), Reasons{"store"});
}

TEST_F(LostDatabase, NobodyIsLetInByAccountsThatAreReplaced) {
  push_image("a", "1", "config", {"layer"});
  allow(add_user("ann"), "a", access::Role::kPull);
  EXPECT_EQ(status("GET", manifest_path("a", "1"), as("ann")), 200);
  replace_database("access.db");
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(status("GET", manifest_path("a", "1"), as("ann")), 503);
  EXPECT_EQ(status("GET", manifest_path("a", "1"), {}), 503);
  EXPECT_EQ(reasons(), Reasons{"database"});
  restart();
  EXPECT_EQ(status("GET", manifest_path("a", "1"), as("ann")), 200);
  EXPECT_EQ(reasons(), Reasons{});
}

TEST_F(LostDatabase, WithoutItsAccountsItDoesNotStart) {
  add_user("ann");
  stop();
  remove_database("access.db");
  const auto opened = open_registry(options_, clock_);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message().find("access.db is missing"), std::string::npos);
  add_user("bob");
  start();
  EXPECT_EQ(status("GET", "/v2/", {}), 401);
  EXPECT_EQ(status("GET", "/v2/", as("bob")), 200);
}

// As where access.db is damaged.
class NoRights : public Authorizer {
 public:
  Result<Viewer> identify(const net::Request& /*request*/) override { return Viewer(); }
  Result<Decision> may(const Viewer& /*viewer*/, const Need& /*need*/) override {
    return Error(Code::kDataLoss, "file is not a database");
  }
  std::string challenge(const net::Request& /*request*/, const Need& /*need*/,
                        bool /*wrong*/) override {
    return "";
  }
};

TEST_F(LostDatabase, ItIsNotReadyWhileItsAccountsDoNotAnswer) {
  options_.access = std::make_shared<NoRights>();
  restart();
  EXPECT_EQ(status("GET", "/v2/a/tags/list", {}), 500);
  EXPECT_EQ(reasons(), Reasons{"database"});
}

}  // namespace
}  // namespace skiff::registry
