#include "registry/retention.h"

#include <algorithm>

#include "registry/schema.h"
#include "registry/test_registry.h"

namespace skiff::registry {
namespace {

using std::chrono::hours;

constexpr hours kDay{24};

class RetentionTest : public RegistryTest {
 protected:
  RetentionTest() {
    options_.metadata.undelete = 10 * kDay;
    options_.retention_every = std::chrono::seconds(0);
  }
  Database beside() { return *open_registry_database(options_.root); }
  void keep(RetentionRule rule) {
    Database db = beside();
    const auto added = add_retention(db, std::move(rule));
    ASSERT_TRUE(added) << added.error().message();
  }
  // One tag a day, from 1 on.
  void tag_daily(const std::string& repository, int count) {
    for (int i = 1; i <= count; ++i) {
      push_image(repository, cat("v", i), cat("config ", repository, i), {});
      clock_.advance(kDay);
    }
  }
  // "v1 delete: ..."
  std::vector<std::string> run(bool dry) {
    Database db = beside();
    const auto metadata = open_metadata();
    std::vector<std::string> told;
    const auto done =
        run_retention(db, *metadata, {.node = "", .dry = dry}, clock_.now(),
                      [&](const std::string& repository, const Verdict& v) {
                        told.push_back(cat(repository, ":", v.tag.name,
                                           v.keep ? " keep: " : " delete: ", v.reason));
                      });
    EXPECT_TRUE(done) << done.error().message();
    std::ranges::sort(told);
    return told;
  }
  std::vector<std::string> tags(const std::string& repository) {
    return client().get(cat("/v2/", repository, "/tags/list")).json().strings("tags");
  }
};

TEST_F(RetentionTest, KeepsTheLastAndTellsWhy) {
  tag_daily("a", 4);
  keep({.node = "a", .keep_last = 2});
  const std::vector<std::string> expected = {
      "a:v1 delete: kept by none of retention 1: set 4 days ago, not pulled",
      "a:v2 delete: kept by none of retention 1: set 3 days ago, not pulled",
      "a:v3 keep: one of the last 2 (retention 1)", "a:v4 keep: one of the last 2 (retention 1)"};
  EXPECT_EQ(run(true), expected);
  EXPECT_EQ(tags("a").size(), 4U);
  EXPECT_EQ(run(false), expected);  // as was said
  EXPECT_EQ(tags("a"), (std::vector<std::string>{"v3", "v4"}));
  EXPECT_EQ(run(false).size(), 2U);
}

TEST_F(RetentionTest, WhatItDeletedComesBack) {
  tag_daily("a", 2);
  const std::string digest =
      client().head(manifest_path("a", "v1")).header("Docker-Content-Digest");
  keep({.node = "", .keep_last = 1});
  run(false);
  EXPECT_EQ(client().get(manifest_path("a", digest)).status, 404);
  EXPECT_EQ(client().call("POST", cat("/v2/a/_skiff/restore/", digest)).json().strings("tags"),
            std::vector<std::string>{"v1"});
  const json::Value history = client().get("/v2/a/_skiff/history/v1").json();
  EXPECT_EQ(history.array("changes")[1].string("actor"), "local:retention");
}

TEST_F(RetentionTest, RulesKeepByAgeAndPattern) {
  tag_daily("acme/a", 3);
  tag_daily("acme/b", 3);
  push_image("acme/a", "latest", "config", {});
  keep({.node = "acme", .repositories = "*/a", .tags = "v*", .keep_set = 5 * kDay});
  run(false);
  EXPECT_EQ(tags("acme/a"), (std::vector<std::string>{"latest", "v3"}));
  EXPECT_EQ(tags("acme/b").size(), 3U);
}

TEST_F(RetentionTest, WhatWasPulledNotLongAgoStays) {
  tag_daily("a", 3);
  keep({.node = "a", .keep_pulled = 2 * kDay});
  restart();
  clock_.advance(5 * kDay);
  client().get(manifest_path("a", "v2"));
  const std::string digest =
      client().head(manifest_path("a", "v3")).header("Docker-Content-Digest");
  clock_.advance(1 * kDay);
  client().get(manifest_path("a", digest));  // by its digest, too
  restart();                                 // pulls are written down
  clock_.advance(hours(36));
  EXPECT_EQ(run(false),
            (std::vector<std::string>{
                "a:v1 delete: kept by none of retention 1: set 10 days ago, not pulled",
                "a:v2 delete: kept by none of retention 1: set 9 days ago, pulled 2 days ago",
                "a:v3 keep: pulled 36 hours ago, within 2 days (retention 1)"}));
}

TEST_F(RetentionTest, NothingGoesBeforePullsAreKnown) {
  tag_daily("a", 1);
  keep({.node = "a", .keep_pulled = 30 * kDay});
  EXPECT_EQ(
      run(false),
      (std::vector<std::string>{"a:v1 keep: pulls are known for less than 4 weeks (retention 1)"}));
}

TEST_F(RetentionTest, ImmutableTagsAndSignaturesStay) {
  tag_daily("a", 3);
  const std::string digest =
      client().head(manifest_path("a", "v3")).header("Docker-Content-Digest");
  push_image("a", cat("sha256-", digest.substr(7), ".sig"), "signature", {});
  push_image("a", cat("sha256-", std::string(64, '0'), ".sig"), "of nothing", {});
  clock_.advance(kDay);
  push_image("a", "v4", "config of 4", {});
  {
    Database db = beside();
    ASSERT_TRUE(add_rule(db, {.node = "a", .tags = "v1"}));
  }
  keep({.node = "a", .keep_last = 2});
  run(false);
  EXPECT_EQ(tags("a"),
            (std::vector<std::string>{cat("sha256-", std::string(64, '0'), ".sig"),
                                      cat("sha256-", digest.substr(7), ".sig"), "v1", "v4"}));
}

TEST_F(RetentionTest, AManifestGoesWithItsLastTagAlone) {
  const std::string digest = push_image("a", "old-1", "one", {});
  push_image("a", "keep", "one", {});
  push_image("a", "child", "two", {});
  client().put_manifest("a", "index", index_of({image_of("two", {})}), oci::kMediaTypeIndex);
  clock_.advance(3 * kDay);
  keep({.node = "a", .tags = "old-*", .keep_set = kDay});
  keep({.node = "a", .tags = "child", .keep_set = kDay});
  run(false);
  EXPECT_EQ(tags("a"), (std::vector<std::string>{"index", "keep"}));
  EXPECT_EQ(client().get(manifest_path("a", digest)).status, 200);
  EXPECT_EQ(client().get(manifest_path("a", oci::Digest::of(image_of("two", {})).str())).status,
            200);
}

TEST_F(RetentionTest, ATagThatChangedMeanwhileStays) {
  tag_daily("a", 1);
  const auto metadata = open_metadata();
  const std::string digest =
      client().head(manifest_path("a", "v1")).header("Docker-Content-Digest");
  const TagState before{"v1", digest, clock_.now() - kDay, {}};
  push_image("a", "v1", "another", {});
  EXPECT_TRUE(metadata->expire_tags("a", {before}, {"local:retention"})->empty());
  EXPECT_EQ(tags("a"), std::vector<std::string>{"v1"});
}

TEST_F(RetentionTest, RulesThatWouldDeleteAllAreRefused) {
  Database db = beside();
  EXPECT_FALSE(add_retention(db, {.node = "a"}));
  EXPECT_FALSE(add_retention(db, {.node = "a", .tags = "a b", .keep_last = 1}));
  EXPECT_EQ(remove_retention(db, 3).error().code(), Code::kNotFound);
}

TEST_F(RetentionTest, OneOfManyTakesATurn) {
  Database db = beside();
  Database other = beside();
  EXPECT_TRUE(*take_turn(db, "x", hours(1), clock_.now()));
  EXPECT_FALSE(*take_turn(other, "x", hours(1), clock_.now()));
  clock_.advance(hours(1));
  EXPECT_TRUE(*take_turn(other, "x", hours(1), clock_.now()));
  EXPECT_FALSE(*take_turn(db, "x", hours(1), clock_.now()));
}

}  // namespace
}  // namespace skiff::registry
