// Database files that are removed or replaced under a registry that serves, and what a client
// meets then: nothing is acknowledged that would be lost, and nobody let in for it.
#include "registry/audit_writer.h"
#include "registry/backup.h"
#include "registry/policy_keeper.h"
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
  void move_database(const std::string& name, const Path& from, const Path& to) {
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::filesystem::rename(from / cat(name, suffix), to / cat(name, suffix));
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
  bool is_there(const std::string& name) const {
    return std::filesystem::exists(options_.root / name);
  }
  static int64_t number(Database& db, const std::string& question) {
    Statement row = *db.prepare(question);
    EXPECT_TRUE(*row.step());
    return row.integer(0);
  }
  // Whoever opens it is told the same, and nothing is made.
  template <typename T>
  void expect_lost(const Result<T>& opened) {
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), Code::kFailedPrecondition);
    EXPECT_NE(opened.error().message().find("registry.db is missing"), std::string::npos)
        << opened.error().message();
    EXPECT_NE(opened.error().message().find("skiff-registry restore"), std::string::npos);
    EXPECT_FALSE(is_there("registry.db"));
  }
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

TEST_F(LostDatabase, WhatIsReadAgainIsNotNotedInRecordsThatAreGone) {
  push_image("a", "1", "config", {"layer"});
  clock_.advance(std::chrono::hours(24));
  const auto scrub = [this] {
    return registry_->scrub({.unread_since = clock_.now()}, [](const Error&) {}, {});
  };
  const TempDir away = *TempDir::make("/tmp", "skiff-away-");
  const Path content = options_.root / "content";
  move_database("content.db", content, away.path());
  const auto done = scrub();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Code::kUnavailable);
  const auto checked = registry_->check({.deep = true}, [](const Problem&) {}, {});
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code(), Code::kUnavailable);
  move_database("content.db", away.path(), content);
  EXPECT_EQ(scrub()->blobs, 2u);
  EXPECT_EQ(scrub()->blobs, 0u);
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

TEST_F(LostDatabase, NoRowOfTheAuditLogGoesIntoOneThatIsGone) {
  stop();
  testing::internal::CaptureStderr();
  const auto audit = *AuditWriter::open(options_.root, clock_);
  Database lost = *open_registry_database(options_.root);
  remove_database("registry.db");
  const Result<> recorded = audit->record({.at = clock_.now(), .action = "user add"});
  ASSERT_FALSE(recorded);
  EXPECT_EQ(recorded.error().code(), Code::kUnavailable);
  for (const char* name : {"ann", "bob", "eve"}) {
    audit->note({.at = clock_.now(), .actor = name, .action = "log in"});
    audit->flush();
  }
  EXPECT_EQ(number(lost, "SELECT count(*) FROM audit_entry"), 0);
  EXPECT_EQ(number(lost, "SELECT count(*) FROM audit"), 0);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(split(log, '\n').size(), 2u) << log;  // one line
  EXPECT_NE(log.find("registry.db is gone"), std::string::npos) << log;
}

TEST_F(LostDatabase, PoliciesWriteNothingIntoOneThatIsGoneAndGoOnWhenItIsBack) {
  push_image("a", "1", "config", {"layer"});
  stop();
  const auto metadata = open_metadata();
  const auto access = open_access();
  const auto keeper =
      *PolicyKeeper::open(options_.root, *metadata, *access, std::chrono::hours(24), clock_);
  ASSERT_TRUE(keeper->run_due());
  Database lost = *open_registry_database(options_.root);
  const std::string turns = "SELECT sum(last_run) FROM routine";
  const int64_t before = number(lost, turns);
  const TempDir away = *TempDir::make("/tmp", "skiff-away-");
  move_database("registry.db", options_.root, away.path());
  clock_.advance(std::chrono::hours(48));
  keeper->pulled("a", "1");
  const Result<> done = keeper->run_due();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Code::kUnavailable);
  EXPECT_EQ(number(lost, turns), before);
  EXPECT_EQ(number(lost, "SELECT pulled FROM tag"), 0);
  move_database("registry.db", away.path(), options_.root);
  ASSERT_TRUE(keeper->run_due());
  EXPECT_GT(number(lost, turns), before);
  EXPECT_GT(number(lost, "SELECT pulled FROM tag"), 0);
}

TEST_F(LostDatabase, ARootWhoseDatabaseIsLostIsOpenedByNobody) {
  push_image("a", "1", "config", {"layer"});
  stop();
  remove_database("registry.db");
  expect_lost(open_registry(options_, clock_));
  expect_lost(open_registry_database(options_.root));
  expect_lost(registry::open_metadata(options_.root, {}, clock_));
  expect_lost(backup::make(options_.root, dir_.path() / "backup", {}));
  EXPECT_FALSE(std::filesystem::exists(dir_.path() / "backup"));
  ASSERT_TRUE(write_file(options_.root / "registry.db", ""));  // as one without a commit
  EXPECT_FALSE(open_registry(options_, clock_));
}

TEST_F(LostDatabase, ItBeginsEmptyWhereThatIsMeant) {
  push_image("a", "1", "config", {"layer"});
  stop();
  remove_database("registry.db");
  std::filesystem::remove(options_.root / "has-registry");
  expect_lost(open_registry(options_, clock_));  // it has records of blobs
  std::filesystem::rename(options_.root / "content", dir_.path() / "old");
  start();
  EXPECT_EQ(client().get("/v2/_catalog").json().strings("repositories").size(), 0u);
  EXPECT_TRUE(is_there("has-registry"));
}

TEST_F(LostDatabase, ARootOfBeforeThereWasAMarkGetsOne) {
  stop();
  std::filesystem::remove(options_.root / "has-registry");
  start();
  EXPECT_TRUE(is_there("has-registry"));
}

// What a kill may leave of the first start: each is a root that starts.
TEST_F(LostDatabase, AFirstStartThatWasKilledIsOneThatStarts) {
  stop();
  const std::vector<std::function<void()>> kills = {
      [] {}, [this] { ASSERT_TRUE(write_file(options_.root / "registry.db", "")); },
      [this] { ASSERT_TRUE(Database::open(options_.root / "registry.db", {})); },
      [this] { ASSERT_TRUE(Database::open(options_.root / "registry.db", migrations())); },
      [this] {
        ASSERT_TRUE(Database::open(options_.root / "registry.db", migrations()));
        ASSERT_TRUE(write_file(options_.root / "has-registry.0123456789abcdef.tmp", "This"));
      }};
  for (size_t i = 0; i < kills.size(); ++i) {
    options_.root = dir_.path() / cat("killed-", i);
    ASSERT_TRUE(make_directories(options_.root));
    kills[i]();
    start();
    EXPECT_TRUE(is_there("has-registry")) << i;
    client().push_blob("a", "one");
    stop();
  }
}

TEST_F(LostDatabase, OneThatNeverWasIsNotSaidToHaveBeen) {
  stop();
  options_.root = dir_.path() / "other";
  ASSERT_TRUE(make_directories(options_.root));
  ASSERT_TRUE(write_file(options_.root / "registry.db", std::string(8192, 'x')));
  EXPECT_FALSE(open_registry(options_, clock_));
  EXPECT_FALSE(is_there("has-registry"));
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
