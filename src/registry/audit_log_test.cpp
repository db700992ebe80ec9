#include "registry/audit_log.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "codec/signature.h"
#include "registry/audit_writer.h"
#include "registry/schema.h"
#include "registry/test_accounts.h"

namespace skiff::registry {
namespace {

class AuditLogTest : public AccountsTest {
 protected:
  Database beside() { return *open_registry_database(options_.root); }
  std::vector<AuditRow> rows() {
    Database db = beside();
    EXPECT_TRUE(chain_audit(db));
    return *audit_rows(db, 0, 1'000);
  }
  AuditReport verified() {
    Database db = beside();
    auto report = verify_audit(db);
    EXPECT_TRUE(report) << report.error().message();
    return report.value_or(AuditReport{});
  }
  void append(const std::string& target) {
    Database db = beside();
    Transaction tx = *db.begin();
    ASSERT_TRUE(append_audit(db, {.at = clock_.now(), .action = "test", .target = target}));
    ASSERT_TRUE(tx.commit());
    ASSERT_TRUE(chain_audit(db));
  }
  void change(const std::string& statement) {
    Database db = beside();
    ASSERT_TRUE(db.execute(statement));
  }
};

TEST_F(AuditLogTest, ChangesAreInIt) {
  const std::string digest = push_image("acme/web", "1", "c", {"l"});
  client().remove(manifest_path("acme/web", "1"));
  client().remove(manifest_path("acme/web", digest));
  std::vector<std::string> told;
  for (const AuditRow& row : rows()) {
    told.push_back(cat(row.entry.action, " ", row.entry.target, " ", row.entry.detail));
  }
  EXPECT_EQ(told, (std::vector<std::string>{cat("push acme/web@", digest, " {\"tags\":[\"1\"]}"),
                                            "delete tag acme/web:1 ",
                                            cat("delete manifest acme/web@", digest, " ")}));
  EXPECT_EQ(rows().front().entry.address, "127.0.0.1");
  EXPECT_EQ(verified().rows, 3);
  EXPECT_FALSE(verified().broken);
}

TEST_F(AuditLogTest, AServerThatStopsLeavesNothingUnchained) {
  push_image("acme/web", "1", "c", {"l"});
  push_image("acme/web", "2", "d", {"l"});
  stop();
  Database db = beside();
  EXPECT_EQ(audit_bounds(db)->last, 2);
  EXPECT_FALSE(verified().broken);
}

TEST_F(AuditLogTest, ARefusedChangeLeavesNoRow) {
  EXPECT_EQ(client().put_manifest("a", "1", image_of("missing", {})).status, 400);
  EXPECT_TRUE(rows().empty());
}

TEST_F(AuditLogTest, TheFirstBrokenRowIsNamed) {
  for (const char* target : {"a", "b", "c", "d"}) append(target);
  EXPECT_FALSE(verified().broken);
  change("UPDATE audit SET target = 'x' WHERE id = 3");
  EXPECT_EQ(verified().broken, 3);
  EXPECT_EQ(verified().rows, 2);
  change("UPDATE audit SET target = 'c' WHERE id = 3");
  EXPECT_FALSE(verified().broken);
  change("UPDATE audit SET hash = replace(hash, substr(hash, 1, 1), 'g') WHERE id = 2");
  EXPECT_EQ(verified().broken, 2);
}

TEST_F(AuditLogTest, RowsThatAreMissingAreNoticed) {
  for (const char* target : {"a", "b", "c", "d"}) append(target);
  change("DELETE FROM audit WHERE id = 2");
  EXPECT_EQ(verified().broken, 2);
}

TEST_F(AuditLogTest, ATailThatIsMissingIsNoticed) {
  for (const char* target : {"a", "b", "c", "d"}) append(target);
  change("DELETE FROM audit WHERE id = 4");
  EXPECT_EQ(verified().broken, 4);
}

TEST_F(AuditLogTest, NoTwoRowsReadTheSame) {
  AuditRow one{.id = 1, .entry = {.actor = "a", .address = "bc"}, .hash = {}};
  AuditRow two{.id = 1, .entry = {.actor = "ab", .address = "c"}, .hash = {}};
  append("first");
  const AuditRow real = rows().front();
  one.hash = two.hash = real.hash;
  EXPECT_FALSE(AuditVerifier(0, "").check(one));
  EXPECT_FALSE(AuditVerifier(0, "").check(two));
  EXPECT_TRUE(AuditVerifier(0, "").check(real));
}

TEST_F(AuditLogTest, ASealSignsTheRowBeforeIt) {
  append("a");
  const Ed25519Key pair = *make_ed25519_key();
  const access::SigningKey key{.id = "k",
                               .public_key = pair.public_key,
                               .private_key = pair.private_key,
                               .signs_until = {},
                               .checks_until = {}};
  Database db = beside();
  ASSERT_TRUE(seal_audit(db, key, clock_.now()));
  ASSERT_TRUE(seal_audit(db, key, clock_.now()));  // nothing new to sign
  EXPECT_EQ(verified().rows, 2);
  EXPECT_EQ(verified().seals, 1);
  EXPECT_EQ(rows().back().entry.detail.find(pair.private_key), std::string::npos);
}

TEST_F(AuditLogTest, WhatWasExportedMayGo) {
  for (const char* target : {"a", "b", "c"}) append(target);
  const std::vector<AuditRow> before = rows();
  Database db = beside();
  ASSERT_TRUE(forget_audit(db, 2));
  append("d");
  EXPECT_EQ(rows().size(), 2U);
  EXPECT_FALSE(verified().broken);
  AuditVerifier exported(0, "");
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_TRUE(exported.check(*read_audit_line(audit_line(before[i]))));
  }
  EXPECT_FALSE(forget_audit(db, 2));
}

TEST_F(AuditLogTest, WhoLogsInAndWhoFailsToIsNoted) {
  allow(add_user("ann"), "acme", access::Role::kPull);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(status("GET", "/v2/", basic("ann", "no secret of ann's")), 401);
    EXPECT_EQ(status("GET", "/v2/", as("ann")), 200);
    EXPECT_EQ(status("GET", "/auth/token", as("ann")), 200);
  }
  restart();  // what is noted is written
  std::vector<std::string> told;
  for (const AuditRow& row : rows()) {
    const AuditEntry& e = row.entry;
    told.push_back(cat(e.actor, " ", e.address, " ", e.action, " ", e.outcome));
    EXPECT_EQ(audit_line(row).find("secret"), std::string::npos) << audit_line(row);
  }
  EXPECT_EQ(told,
            (std::vector<std::string>{"ann 127.0.0.1 log in failed", "ann 127.0.0.1 log in done"}));
}

TEST_F(AuditLogTest, WhatIsDeniedIsNoted) {
  allow(add_user("ann"), "acme", access::Role::kPull);
  EXPECT_EQ(status("DELETE", "/v2/acme/web/manifests/1", as("ann")), 403);
  EXPECT_EQ(status("GET", "/v2/other/web/manifests/1", as("ann")), 404);
  EXPECT_EQ(status("GET", "/v2/acme/web/manifests/1", {}), 401);
  restart();
  std::vector<std::string> told;
  for (const AuditRow& row : rows()) {
    const AuditEntry& e = row.entry;
    if (e.outcome == "denied") told.push_back(cat(e.actor, " ", e.action, " ", e.target));
  }
  EXPECT_EQ(told, (std::vector<std::string>{"ann delete acme/web", "ann pull other/web"}));
}

TEST_F(AuditLogTest, WhoTriesWithoutEndFillsNoDisk) {
  auto writer = *AuditWriter::open(options_.root, clock_);
  for (int i = 0; i < 1'000; ++i) writer->note_denied({"ann"}, "pull", "a", "");
  for (int i = 0; i < 1'000; ++i) writer->note_denied({"ann"}, "pull", cat("b", i), "");
  writer->flush();
  EXPECT_EQ(rows().size(), 300U);
  clock_.advance(std::chrono::minutes(2));
  writer->note_denied({"ann"}, "pull", "a", "");
  writer->flush();
  EXPECT_EQ(rows().back().entry.detail, R"({"repeated":999,"others_left_out":701})");
  EXPECT_FALSE(verified().broken);
}

TEST_F(AuditLogTest, WhatMustBeThereIs) {
  auto writer = *AuditWriter::open(options_.root, clock_);
  const AuditEntry grant{.at = clock_.now(), .actor = "ann", .action = "grant", .target = "acme"};
  ASSERT_TRUE(writer->record(grant));
  ASSERT_TRUE(writer->record(grant));
  EXPECT_EQ(rows().size(), 2U);
  EXPECT_FALSE(verified().broken);
}

// Were they gone, a command that ends would take the log away that the server writes to.
TEST_F(AuditLogTest, ManyConnectionsKeepTheProcessesLocks) {
  add_user("ann");
  EXPECT_EQ(status("GET", "/v2/", as("ann")), 200);
  {
    const Database again = beside();
    const access::Store store = commands();
  }
  for (const char* name : {"registry.db", "access.db"}) {
    const UniqueFd file = *open_file(options_.root / name, O_RDWR | O_CLOEXEC);
    // SQLite's shared lock (sqlite3.c, SHARED_FIRST); by the open file, so that our own counts.
    struct flock lock{};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = 0x40000002;
    lock.l_len = 510;
    ASSERT_EQ(::fcntl(file.get(), F_OFD_GETLK, &lock), 0);
    EXPECT_EQ(lock.l_type, F_RDLCK) << name;
  }
}

TEST_F(AuditLogTest, TheFileIsItsOwnersAlone) {
  struct stat status{};
  ASSERT_EQ(::stat((options_.root / "registry.db").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

}  // namespace
}  // namespace skiff::registry
