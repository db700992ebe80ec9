// Backups while a registry serves, and what becomes of them.
#include "registry/backup.h"

#include <sys/stat.h>

#include "access/accounts.h"
#include "access/mark.h"
#include "registry/test_registry.h"

namespace skiff::registry {
namespace {

class BackupTest : public RegistryTest {
 protected:
  Path to() const { return dir_.path() / "backup"; }
  Path copy() const { return dir_.path() / "restored"; }
  backup::Summary back_up(const backup::Options& options = {}) {
    const auto hold = registry_->hold_removals();
    const auto made = backup::make(options_.root, to(), options);
    EXPECT_TRUE(made) << made.error().message();
    return made.value_or(backup::Summary());
  }
  // Serves the restored root from now on.
  void serve_restored() {
    const auto done = backup::restore(to(), copy(), {});
    ASSERT_TRUE(done) << done.error().message();
    stop();
    options_.root = copy();
    start();
  }
  std::vector<std::string> problems() {
    std::vector<std::string> out;
    EXPECT_TRUE(
        registry_->check({.deep = true}, [&](const Problem& p) { out.push_back(p.what); }, {}));
    return out;
  }
  static Path file_below(const Path& directory, const std::string& bytes) {
    const std::string hex = oci::Digest::of(bytes).hex();
    return directory / "blobs/sha256" / hex.substr(0, 2) / hex;
  }
  static uint64_t inode(const Path& file) {
    struct stat st{};
    EXPECT_EQ(::stat(file.c_str(), &st), 0) << file;
    return st.st_ino;
  }
  // The error of a restore, having left no root.
  std::string refusal() {
    const auto done = backup::restore(to(), copy(), {});
    EXPECT_FALSE(done);
    EXPECT_FALSE(std::filesystem::exists(copy()));
    return done ? "" : done.error().message();
  }
};

TEST_F(BackupTest, AllComesBack) {
  const std::string digest = push_image("a/b", "1", "{}", {"one", "two"});
  push_image("c", "latest", "{}", {"one"});
  client().start("d");
  const backup::Summary made = back_up();
  EXPECT_EQ(made.name, "snapshot-000001");
  EXPECT_EQ(made.blobs, 3u);
  EXPECT_EQ(made.bytes, 8u);
  EXPECT_EQ(made.new_blobs, 3u);
  push_image("a/b", "later", "{}", {"three"});
  serve_restored();
  EXPECT_EQ(client().get(manifest_path("a/b", "1")).header("Docker-Content-Digest"), digest);
  EXPECT_EQ(client().get(blob_path("c", oci::Digest::of("one").str())).body, "one");
  EXPECT_EQ(client().get(manifest_path("a/b", "later")).status, 404);
  EXPECT_TRUE(problems().empty());
  push_image("a/b", "later", "{}", {"three"});
  EXPECT_TRUE(problems().empty());
}

TEST_F(BackupTest, TheNextMovesOnlyWhatIsNew) {
  const std::string digest = push_image("a", "1", "{}", {"one"});
  back_up({.placing = Placing::kCopy});
  const uint64_t config = inode(file_below(to(), "{}"));
  EXPECT_NE(config, inode(file_below(options_.root / "content", "{}")));
  client().remove(manifest_path("a", digest));
  clock_.advance(options_.metadata.grace * 2);
  EXPECT_TRUE(registry_->collect_garbage());
  push_image("a", "2", "{}", {"two"});
  EXPECT_TRUE(registry_->collect_garbage());
  const backup::Summary made = back_up({.placing = Placing::kCopy});
  EXPECT_EQ(made.name, "snapshot-000002");
  EXPECT_EQ(made.new_bytes, 3u + 2u);  // the config was collected, and pushed anew
  EXPECT_FALSE(std::filesystem::exists(file_below(to(), "one")));
  EXPECT_FALSE(std::filesystem::exists(to() / "snapshot-000001"));
  EXPECT_EQ(back_up().new_blobs, 0u);
  serve_restored();
  EXPECT_EQ(client().get(manifest_path("a", "2")).status, 200);
  EXPECT_TRUE(problems().empty());
}

TEST_F(BackupTest, ACopySharesNothingWithTheRegistryAlsoBehindOneThatDid) {
  push_image("a", "1", "{}", {"one"});
  back_up();
  const Path blob = file_below(to(), "one");
  ASSERT_EQ(inode(blob), inode(file_below(options_.root / "content", "one")));
  EXPECT_EQ(back_up({.placing = Placing::kCopy}).new_blobs, 2u);
  EXPECT_NE(inode(blob), inode(file_below(options_.root / "content", "one")));
  EXPECT_EQ(std::filesystem::hard_link_count(blob), 1u);
  EXPECT_EQ(back_up({.placing = Placing::kCopy}).new_blobs, 0u);
}

TEST_F(BackupTest, ADirectoryIsOfOneRegistry) {
  push_image("a", "1", "{}", {"one"});
  back_up();
  stop();
  const Path first = options_.root;
  options_.root = dir_.path() / "other";
  start();
  push_image("b", "1", "{}", {"two"});
  const auto made = backup::make(options_.root, to(), {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), Code::kFailedPrecondition);
  EXPECT_NE(made.error().message().find("another registry"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(file_below(to(), "one")));
  EXPECT_EQ(backup::make(first, to(), {})->name, "snapshot-000002");
  serve_restored();  // which goes on as the first
  EXPECT_EQ(back_up().name, "snapshot-000003");
}

TEST_F(BackupTest, ADirectoryOfBeforeThereWereIdsIsAnybodys) {
  push_image("a", "1", "{}", {"one"});
  const Path description = to() / back_up().name / "backup.json";
  json::Value told = *json::parse(*read_file(description));
  ASSERT_FALSE(told.string("registry").empty());
  told.make_object().erase("registry");
  ASSERT_TRUE(write_file(description, told.dump()));
  ASSERT_TRUE(remove_tree(options_.root / "registry-id"));
  EXPECT_EQ(back_up().name, "snapshot-000002");
}

TEST_F(BackupTest, SnapshotsThatAreKeptStayWhole) {
  const std::string digest = push_image("a", "1", "{}", {"one"});
  back_up();
  client().remove(manifest_path("a", digest));
  clock_.advance(options_.metadata.grace * 2);
  EXPECT_TRUE(registry_->collect_garbage());
  push_image("a", "2", "{\"n\":2}", {"two"});
  back_up({.keep = 2});
  ASSERT_TRUE(remove_tree(to() / "snapshot-000002"));
  serve_restored();
  EXPECT_EQ(client().get(manifest_path("a", "1")).status, 200);
  EXPECT_TRUE(problems().empty());
}

TEST_F(BackupTest, NothingIsCollectedUnderIt) {
  push_image("a", "1", "{}", {"one"});
  client().push_blob("a", "garbage");
  clock_.advance(options_.metadata.grace * 2);
  {
    const auto hold = registry_->hold_removals();
    EXPECT_EQ(*registry_->collect_garbage(), 0u);
    const auto made = backup::make(options_.root, to(), {});
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(made->blobs, 3u);
  }
  EXPECT_EQ(*registry_->collect_garbage(), 1u);
}

TEST_F(BackupTest, OneThatWasNotHeldIsNone) {
  push_image("a", "1", "{}", {"one"});
  const auto made =
      backup::make(options_.root, to(),
                   {.still_held = [] { return Error(Code::kUnavailable, "the server ended"); }});
  ASSERT_FALSE(made);
  EXPECT_NE(refusal().find("holds only a backup that was not finished"), std::string::npos);
  back_up();
  serve_restored();
  EXPECT_TRUE(problems().empty());
}

TEST_F(BackupTest, AccountsComeAlongWithTheirModes) {
  stop();
  {
    auto store = access::Store::open_or_create(options_.root, Clock::system());
    ASSERT_TRUE(store);
    ASSERT_TRUE(access::add_account(*store, {.name = "ann"}));
  }
  ASSERT_TRUE(backup::make(options_.root, to(), {}));
  ASSERT_TRUE(backup::restore(to(), copy(), {}));
  struct stat st{};
  for (const Path& file : {to() / "snapshot-000001/access.db", copy() / "access.db"}) {
    ASSERT_EQ(::stat(file.c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777U, 0600u) << file;
  }
  ASSERT_EQ(::stat(to().c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777U, 0700u);
  auto restored = access::Store::open(copy(), Clock::system());
  ASSERT_TRUE(restored && *restored);
  EXPECT_TRUE(access::find_account(**restored, "ann"));
}

TEST_F(BackupTest, WhatIsDamagedIsNamedAndLeftOut) {
  push_image("a", "1", "{}", {"one"});
  ASSERT_TRUE(write_file(file_below(options_.root / "content", "one"), "longer"));
  const backup::Summary made = back_up();
  EXPECT_EQ(made.damaged, std::vector<std::string>{oci::Digest::of("one").str()});
  EXPECT_EQ(made.blobs, 1u);
  serve_restored();
  EXPECT_FALSE(problems().empty());
  push_image("a", "1", "{}", {"one"});
}

TEST_F(BackupTest, ADamagedBackupRestoresNothing) {
  push_image("a", "1", "{}", {"one"});
  back_up({.placing = Placing::kCopy});
  const Path blob = file_below(to(), "one");
  const Path aside = dir_.path() / "aside";
  std::filesystem::rename(blob, aside);
  EXPECT_NE(refusal().find("is missing"), std::string::npos);
  ASSERT_TRUE(write_file_durably(blob, "eno"));
  EXPECT_NE(refusal().find("has changed"), std::string::npos);
  std::filesystem::rename(aside, blob);
  const Path records = to() / "snapshot-000001/registry.db";
  std::string bytes = *read_file(records);
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(write_file(records, bytes));
  EXPECT_NE(refusal().find("registry.db has changed"), std::string::npos);
}

TEST_F(BackupTest, OnlyAnEmptyRootIsRestored) {
  push_image("a", "1", "{}", {"one"});
  EXPECT_NE(refusal().find("backup: No such file"), std::string::npos);
  back_up();
  ASSERT_TRUE(make_directories(copy()));
  ASSERT_TRUE(write_file_durably(copy() / "mine", "precious"));
  const auto refused = backup::restore(to(), copy(), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(*read_file(copy() / "mine"), "precious");
}

TEST_F(BackupTest, ARestoreThatWasKilledIsServedByNobodyAndBeginsAnew) {
  push_image("a", "1", "{}", {"one"});
  back_up();
  ASSERT_TRUE(make_directories(copy() / "content"));
  ASSERT_TRUE(write_file_durably(copy() / backup::kRestoring, ""));
  ASSERT_TRUE(write_file_durably(copy() / "registry.db", "half"));
  const auto opened = open_registry({.root = copy()});
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message().find("was not finished"), std::string::npos);
  serve_restored();
  EXPECT_TRUE(problems().empty());
}

TEST_F(BackupTest, ARestoreThatWasKilledAtItsFirstStepBeginsAnew) {
  push_image("a", "1", "{}", {"one"});
  back_up();
  ASSERT_TRUE(make_directories(copy()));
  ASSERT_TRUE(write_file_durably(copy() / cat(backup::kRestoring, ".12ab34cd.tmp"), ""));
  serve_restored();
  EXPECT_TRUE(problems().empty());
}

TEST_F(BackupTest, ADirectoryOfOthersIsLeftAlone) {
  ASSERT_TRUE(make_directories(to()));
  ASSERT_TRUE(write_file_durably(to() / "letter.txt", "dear"));
  const auto made = backup::make(options_.root, to(), {});
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message().find("letter.txt"), std::string::npos);
  const auto none = backup::make(dir_.path() / "none", dir_.path() / "other", {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), Code::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(dir_.path() / "other"));
}

// A root whose tables are on a server.
class ServerBackupTest : public BackupTest {
 protected:
  void SetUp() override {
    if (!PostgresForTests::available()) GTEST_SKIP() << "postgresql-15 is not installed";
    std::filesystem::remove(options_.root / "database");
    PostgresForTests::place_tables_of(std::vector{options_.root});
    BackupTest::SetUp();
  }
  void add_account(const std::string& name) {
    auto store = access::Store::open_or_create(options_.root, Clock::system());
    ASSERT_TRUE(store) << store.error().message();
    const auto added = access::add_account(*store, {.name = name});
    ASSERT_TRUE(added) << added.error().message();
  }
  void expect_account(const std::string& name) {
    auto store = access::Store::open(copy(), Clock::system());
    ASSERT_TRUE(store && *store);
    EXPECT_TRUE(access::find_account(**store, name));
  }
};

TEST_F(ServerBackupTest, ItsTablesComeAlongAsFiles) {
  const std::string digest = push_image("a", "1", "{}", {"one"});
  stop();
  add_account("ann");
  ASSERT_TRUE(backup::make(options_.root, to(), {}));
  ASSERT_TRUE(backup::restore(to(), copy(), {}));
  EXPECT_EQ(*database_of(copy()), std::nullopt);
  expect_account("ann");
  for (const char* name : {access::kDatabaseName, access::kMarkName}) {
    ASSERT_TRUE(std::filesystem::remove(copy() / name));
  }
  options_.root = copy();
  start();
  EXPECT_EQ(client().get(manifest_path("a", "1")).header("Docker-Content-Digest"), digest);
  EXPECT_EQ(client().get(blob_path("a", oci::Digest::of("one").str())).body, "one");
  EXPECT_EQ(problems(), std::vector<std::string>{});
  push_image("a", "2", "{}", {"two"});
}

TEST_F(ServerBackupTest, FilesGoToAServer) {
  push_image("a", "1", "{}", {"one"});
  back_up();
  const DatabaseName there{PostgresForTests::new_schema(), ""};
  const auto done = backup::restore(to(), copy(), {.database = there});
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(*database_of(copy()), there);
  EXPECT_FALSE(std::filesystem::exists(copy() / "registry.db"));
  // Nobody's rows are written over.
  const auto again = backup::restore(to(), dir_.path() / "other", {.database = there});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), Code::kFailedPrecondition);
  EXPECT_FALSE(std::filesystem::exists(dir_.path() / "other"));
  stop();
  options_.root = copy();
  start();
  EXPECT_EQ(client().get(manifest_path("a", "1")).status, 200);
  push_image("a", "2", "{}", {"two"});
  EXPECT_EQ(problems(), std::vector<std::string>{});
}

TEST_F(ServerBackupTest, AccountsGoToAServer) {
  stop();
  add_account("ann");
  ASSERT_TRUE(backup::make(options_.root, to(), {}));
  const DatabaseName there{PostgresForTests::new_schema(), ""};
  ASSERT_TRUE(backup::restore(to(), copy(), {.database = there}));
  EXPECT_FALSE(std::filesystem::exists(copy() / "access.db"));
  expect_account("ann");
}

}  // namespace
}  // namespace skiff::registry
