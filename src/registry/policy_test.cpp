// Rules of tags and quotas, as clients meet them.
#include "access/room.h"
#include "registry/policy_rules.h"
#include "registry/quota.h"
#include "registry/retention.h"
#include "registry/schema.h"
#include "registry/test_accounts.h"

namespace skiff::registry {
namespace {

using access::Role;

TEST(Policy, NodesHoldBelowThem) {
  EXPECT_TRUE(reaches("", "acme/web"));
  EXPECT_TRUE(reaches("acme", "acme/web"));
  EXPECT_TRUE(reaches("acme/web", "acme/web"));
  EXPECT_FALSE(reaches("acme/web", "acme/web2"));
  EXPECT_FALSE(reaches("acme/web/x", "acme/web"));
  EXPECT_EQ(nodes_above("a/b/c"), (std::vector<std::string>{"", "a", "a/b", "a/b/c"}));
}

class PolicyTest : public AccountsTest {
 protected:
  // As a command beside the server.
  Database beside() { return *open_registry_database(options_.root); }
  int64_t rule(TagRule rule) {
    Database db = beside();
    auto added = add_rule(db, std::move(rule));
    EXPECT_TRUE(added) << added.error().message();
    return added ? added->id : 0;
  }
  void quota(const std::string& node, uint64_t bytes) {
    Database db = beside();
    ASSERT_TRUE(set_quota(db, node, bytes));
  }
  uint64_t used(const std::string& node) {
    Database db = beside();
    return *used_at(db, node);
  }
  Reply tag(const std::string& repository, const std::string& name, const std::string& config,
            const Fields& who = {}) {
    const std::string digest = oci::Digest::of(config).str();
    client().call("POST", cat("/v2/", repository, "/blobs/uploads/?digest=", digest), config, who);
    return client().put_manifest(repository, name, image_of(config, {}), oci::kMediaTypeManifest,
                                 who);
  }
};

// A push goes by all above it, and who owns a place adds them without asking.
TEST_F(PolicyTest, ThereAreSoManyRulesOfOneNameAndNoMore) {
  Database db = beside();
  const auto fill = [&](std::string_view into, std::string_view columns, std::string_view values) {
    ASSERT_TRUE(db.execute(cat("INSERT INTO ", into, "(id, node, repositories, tags", columns,
                               ") WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n ",
                               "WHERE i < ", access::kMostRules, ") SELECT i, 'acme/' || i, '**', ",
                               "'v*'", values, " FROM n")));
  };
  fill("tag_rule", ", kind, role", ", 'immutable', ''");
  fill("retention", ", keep_last, keep_set, keep_pulled", ", 1, 0, 0");
  for (const char* full : {"acme", "acme/web/deep"}) {
    const auto rule = add_rule(db, {.node = full});
    ASSERT_FALSE(rule);
    EXPECT_EQ(rule.error().code(), Code::kFailedPrecondition);
    EXPECT_NE(rule.error().message().find("have 500 rules of tags"), std::string::npos)
        << rule.error().message();
    const auto retention = add_retention(db, {.node = full, .keep_last = 1});
    ASSERT_FALSE(retention);
    EXPECT_NE(retention.error().message().find("have 500 rules of retention"), std::string::npos)
        << retention.error().message();
  }
  for (const char* free : {"acme2", ""}) {
    EXPECT_TRUE(add_rule(db, {.node = free})) << free;
    EXPECT_TRUE(add_retention(db, {.node = free, .keep_last = 1})) << free;
  }
  ASSERT_TRUE(remove_rule(db, 7));
  EXPECT_TRUE(add_rule(db, {.node = "acme"}));
}

TEST_F(PolicyTest, AnImmutableTagIsNeitherMovedNorDeleted) {
  rule({.node = "acme", .tags = "v*"});
  const std::string first = tag("acme/web", "v1", "one").header("Docker-Content-Digest");
  EXPECT_EQ(tag("acme/web", "v1", "one").status, 201);  // the same again
  const Reply moved = tag("acme/web", "v1", "two");
  EXPECT_EQ(moved.status, 403);
  EXPECT_EQ(moved.error(), "DENIED");
  EXPECT_NE(moved.body.find("rule 1 (immutable v* of ** on acme)"), std::string::npos)
      << moved.body;
  EXPECT_EQ(client().remove(manifest_path("acme/web", "v1")).status, 403);
  EXPECT_EQ(client().remove(manifest_path("acme/web", first)).status, 403);
  EXPECT_EQ(client().get(manifest_path("acme/web", "v1")).header("Docker-Content-Digest"), first);
  // Others go on.
  EXPECT_EQ(tag("acme/web", "latest", "one").status, 201);
  EXPECT_EQ(tag("acme/web", "latest", "two").status, 201);
  EXPECT_EQ(tag("other/web", "v1", "one").status, 201);
  EXPECT_EQ(tag("other/web", "v1", "two").status, 201);
}

TEST_F(PolicyTest, RulesOfOthersAreNotRead) {
  rule({.node = "acme", .tags = "v*"});
  rule({.node = "other", .kind = RuleKind::kProtected, .role = Role::kOwn});
  {
    Database db = beside();
    ASSERT_TRUE(db.execute("UPDATE tag_rule SET role = 'none of ours' WHERE node = 'other'"));
  }
  EXPECT_EQ(tag("acme/web", "v1", "one").status, 201);
  EXPECT_EQ(tag("acme/web", "v1", "two").status, 403);
  EXPECT_EQ(client().remove(manifest_path("acme/web", "v1")).status, 403);
  EXPECT_EQ(tag("other/web", "v1", "one").status, 500);
}

// RFC 9110, 13.2.1: what fails without its condition fails as it does without.
TEST_F(PolicyTest, ARuleIsToldBeforeAConditionThatFails) {
  const std::string digest = tag("a", "v1", "one").header("Docker-Content-Digest");
  rule({.node = "", .tags = "v1"});
  client().push_blob("a", "two");
  const Fields other = {{"If-Match", "\"sha256:other\""}};
  EXPECT_EQ(
      client().put_manifest("a", "v1", image_of("two", {}), oci::kMediaTypeManifest, other).status,
      403);
  EXPECT_EQ(client().call("DELETE", manifest_path("a", "v1"), "", other).status, 403);
  EXPECT_EQ(client().call("DELETE", manifest_path("a", digest), "", other).status, 403);
  EXPECT_EQ(
      client().put_manifest("a", "new", image_of("two", {}), oci::kMediaTypeManifest, other).status,
      412);
  EXPECT_EQ(client().get(manifest_path("a", "new")).status, 404);
}

TEST_F(PolicyTest, ARefusedPushWithSeveralTagsSetsNone) {
  rule({.node = "", .tags = "v1"});
  tag("a", "v1", "one");
  const std::string config = "two";
  client().push_blob("a", config);
  const std::string image = image_of(config, {});
  const std::string target =
      cat("/v2/a/manifests/", oci::Digest::of(image).str(), "?tag=new&tag=v1");
  const Fields type = {{"Content-Type", std::string(oci::kMediaTypeManifest)}};
  EXPECT_EQ(client().call("PUT", target, image, type).status, 403);
  EXPECT_EQ(client().get(manifest_path("a", "new")).status, 404);
}

TEST_F(PolicyTest, UndeleteMovesNoImmutableTag) {
  options_.metadata.undelete = std::chrono::hours(1);
  restart();
  tag("a", "v1", "one");
  tag("a", "v1", "two");
  rule({.node = "a"});
  EXPECT_EQ(client().call("POST", "/v2/a/_skiff/restore/v1").status, 403);
  EXPECT_EQ(client().get(manifest_path("a", "v1")).status, 200);
}

TEST_F(PolicyTest, AnEntryOfAnImmutableIndexStays) {
  options_.metadata.allow_child_deletion = true;
  restart();
  const std::string child = tag("a", "child", "one").header("Docker-Content-Digest");
  const std::string index = index_of({image_of("one", {})});
  ASSERT_EQ(client().put_manifest("a", "v1", index, oci::kMediaTypeIndex).status, 201);
  rule({.node = "a", .tags = "v1"});
  EXPECT_EQ(client().remove(manifest_path("a", child)).status, 403);
  EXPECT_EQ(client().remove(manifest_path("a", "child")).status, 202);
}

TEST_F(PolicyTest, AProtectedTagNeedsTheRole) {
  allow(add_user("pusher"), "acme", Role::kPush);
  allow(add_user("maintainer"), "acme", Role::kMaintain);
  rule({.node = "acme/web",
        .tags = "release-*",
        .kind = RuleKind::kProtected,
        .role = Role::kMaintain});
  EXPECT_EQ(tag("acme/web", "release-1", "one", as("pusher")).status, 403);
  EXPECT_EQ(tag("acme/web", "release-1", "one", as("maintainer")).status, 201);
  EXPECT_EQ(tag("acme/web", "release-1", "two", as("maintainer")).status, 201);
  EXPECT_EQ(tag("acme/web", "release-1", "two", as("pusher")).status, 201);  // nothing changes
  EXPECT_EQ(tag("acme/web", "test", "one", as("pusher")).status, 201);
  const Reply refused = tag("acme/web", "release-1", "three", as("pusher"));
  EXPECT_NE(refused.body.find("from maintain up"), std::string::npos) << refused.body;
}

TEST_F(PolicyTest, RulesThatSayNothingAreRefused) {
  Database db = beside();
  EXPECT_FALSE(add_rule(db, {.node = "a", .tags = "v 1"}));
  EXPECT_FALSE(add_rule(db, {.node = "a", .kind = RuleKind::kProtected, .role = Role::kPush}));
  EXPECT_EQ(remove_rule(db, 7).error().code(), Code::kNotFound);
  EXPECT_TRUE(list_rules(db)->empty());
}

TEST_F(PolicyTest, AQuotaCountsEachBlobOnceARepository) {
  const std::string layer(1000, 'l');
  const std::string other(1000, 'm');
  push_image("acme/web", "1", "c", {layer});
  push_image("acme/web", "2", "d", {layer, other});
  const uint64_t manifests = image_of("c", {layer}).size() + image_of("d", {layer, other}).size();
  EXPECT_EQ(used("acme/web"), 2002 + manifests);
  push_image("acme/db", "1", "c", {layer});
  EXPECT_EQ(used("acme"), 2002 + manifests + 1001 + image_of("c", {layer}).size());
  EXPECT_EQ(used("acm"), 0);
}

TEST_F(PolicyTest, WhatIsBeyondAQuotaIsRefusedInNumbers) {
  quota("acme", 1000);
  client().push_blob("acme/web", std::string(600, 'a'));
  const std::string more(500, 'b');
  const std::string digest = oci::Digest::of(more).str();
  const Reply refused =
      client().call("POST", cat("/v2/acme/db/blobs/uploads/?digest=", digest), more);
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.error(), "DENIED");
  EXPECT_NE(refused.body.find("the quota of acme is 1000 bytes, of which 600 are used: 500 more"),
            std::string::npos)
      << refused.body;
  EXPECT_EQ(client().head(blob_path("acme/db", digest)).status, 404);
  EXPECT_EQ(used("acme"), 600);
  // Nor mounted, and elsewhere it is welcome.
  client().push_blob("other", more);
  EXPECT_EQ(
      client().call("POST", cat("/v2/acme/db/blobs/uploads/?mount=", digest, "&from=other")).status,
      403);
}

TEST_F(PolicyTest, WhatHasNoRoomIsRefusedBeforeItComes) {
  quota("a", 1000);
  const std::string location = client().start("a");
  EXPECT_EQ(client().call("PATCH", location, std::string(600, 'a')).status, 202);
  const Reply refused = client().call("PATCH", location, std::string(600, 'b'));
  EXPECT_EQ(refused.status, 403);
  EXPECT_NE(refused.body.find("of which 0 are used: 1200 more"), std::string::npos) << refused.body;
  EXPECT_EQ(client().get(location).header("Range"), "0-599");  // nothing of it came
  const std::string digest = oci::Digest::of(std::string(600, 'a')).str();
  EXPECT_EQ(client().call("PUT", cat(location, "?digest=", digest)).status, 201);
  EXPECT_EQ(used("a"), 600);
}

TEST_F(PolicyTest, AManifestCounts) {
  client().push_blob("a", "config");
  quota("a", 100);
  EXPECT_EQ(client().put_manifest("a", "1", image_of("config", {})).status, 403);
  EXPECT_EQ(client().get(manifest_path("a", "1")).status, 404);
  quota("a", 100'000);
  EXPECT_EQ(client().put_manifest("a", "1", image_of("config", {})).status, 201);
  quota("a", 1);  // less than there is: the same may be pushed again
  EXPECT_EQ(client().put_manifest("a", "1", image_of("config", {})).status, 201);
}

TEST_F(PolicyTest, AnAbortedPushGivesItsBytesBack) {
  quota("a", 1000);
  client().push_blob("a", std::string(900, 'a'));
  EXPECT_EQ(used("a"), 900);
  clock_.advance(options_.metadata.grace + std::chrono::seconds(1));
  ASSERT_TRUE(registry_->collect_garbage());
  EXPECT_EQ(used("a"), 0);
  client().push_blob("a", std::string(900, 'b'));
}

TEST_F(PolicyTest, WhatIsDeletedCountsNoMoreThoughItCanComeBack) {
  options_.metadata.undelete = std::chrono::hours(1);
  restart();
  const std::string layer(1000, 'l');
  const std::string digest = push_image("a", "1", "c", {layer});
  const uint64_t full = used("a");
  quota("a", full);
  EXPECT_EQ(client().remove(manifest_path("a", digest)).status, 202);
  EXPECT_EQ(used("a"), 0);
  client().push_blob("a", std::string(500, 'x'));
  EXPECT_EQ(client().call("POST", "/v2/a/_skiff/restore/1").status, 403);  // no room for it
  quota("a", full + 500);
  EXPECT_EQ(client().call("POST", "/v2/a/_skiff/restore/1").status, 200);
  EXPECT_EQ(used("a"), full + 500);
}

TEST_F(PolicyTest, WhatTwoManifestsNameGoesWithTheSecond) {
  const std::string layer(1000, 'l');
  const std::string first = push_image("a", "1", "c", {layer});
  const std::string second = push_image("a", "2", "d", {layer});
  client().remove(manifest_path("a", first));
  EXPECT_EQ(used("a"), 1001 + image_of("d", {layer}).size());
  client().remove(manifest_path("a", second));
  EXPECT_EQ(used("a"), 0);
}

TEST_F(PolicyTest, PushesSideBySideExceedNoQuotaTogether) {
  quota("a", 5'000);
  std::atomic<int> stored = 0;
  std::vector<std::thread> pushers;
  for (int i = 0; i < 10; ++i) {
    pushers.emplace_back([&, i] {
      Client mine(port());
      const std::string blob(1'000, static_cast<char>('a' + i));
      const std::string digest = oci::Digest::of(blob).str();
      const Reply reply =
          mine.call("POST", cat("/v2/a/", i, "/blobs/uploads/?digest=", digest), blob);
      if (reply.status == 201) ++stored;
    });
  }
  for (std::thread& pusher : pushers) pusher.join();
  EXPECT_EQ(stored, 5);
  EXPECT_EQ(used("a"), 5'000);
}

}  // namespace
}  // namespace skiff::registry
