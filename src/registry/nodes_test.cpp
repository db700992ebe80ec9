// Several front ends on one database: what one does holds for all.
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "db/attempts.h"
#include "db/test_postgres.h"
#include "registry/audit_log.h"
#include "registry/manifest_document.h"
#include "registry/metadata.h"
#include "registry/quota.h"
#include "registry/schema.h"
#include "registry/sql_metadata.h"
#include "registry/test_registry.h"

namespace skiff::registry {
namespace {

// What the front ends share beside the database: bytes at places that nobody chooses twice.
class SharedStore {
 public:
  std::string put() {
    std::lock_guard lock(mutex_);
    return *places_.insert(cat("place-", ++count_)).first;
  }
  void remove(const std::string& place) {
    std::lock_guard lock(mutex_);
    places_.erase(place);
  }
  bool has(const std::string& place) {
    std::lock_guard lock(mutex_);
    return places_.contains(place);
  }
  size_t size() {
    std::lock_guard lock(mutex_);
    return places_.size();
  }

 private:
  std::mutex mutex_;
  std::set<std::string> places_;
  int count_ = 0;
};

class Nodes : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresForTests::available()) GTEST_SKIP() << "postgresql-15 is not installed";
    server_ = PostgresForTests::get().fresh_server();
    options_.grace = std::chrono::seconds(10);
  }
  std::unique_ptr<MetadataStore> open_node() {
    auto node = open_server_metadata(*server_, options_, clock_);
    EXPECT_TRUE(node) << node.error().message();
    return std::move(*node);
  }
  // As a connection of one of the nodes.
  Database open_database() {
    auto db = server_->connect("registry", DatabaseServer::Use::kDurable, migrations());
    EXPECT_TRUE(db) << db.error().message();
    return std::move(*db);
  }
  void push_blob(MetadataStore& node, const std::string& repository, const std::string& bytes) {
    const BlobPlace at{.size = bytes.size(), .place = store_.put()};
    const auto linked = node.link_blob(repository, oci::Digest::of(bytes), at, {});
    EXPECT_TRUE(linked) << linked.error().message();
  }
  static NewManifest image(const std::string& config, const std::vector<std::string>& layers) {
    const std::string bytes = image_of(config, layers);
    return *read_manifest(bytes, std::string(oci::kMediaTypeManifest), oci::Digest::of(bytes));
  }
  // As clients do: what was collected before the manifest came is pushed again.
  NewManifest push_image(MetadataStore& node, const std::string& repository, const std::string& tag,
                         const std::string& config, const std::vector<std::string>& layers) {
    NewManifest manifest = image(config, layers);
    for (;;) {
      push_blob(node, repository, config);
      for (const std::string& layer : layers) push_blob(node, repository, layer);
      const auto put = node.put_manifest(repository, manifest, {.tags = {tag}});
      EXPECT_TRUE(put) << put.error().message();
      if (!put || put->stored()) return manifest;
    }
  }
  // Without locks: of one digest two nodes know nothing of each other's.
  size_t collect(MetadataStore& node) {
    const auto review = node.take_garbage(100, [](const oci::Digest&) { return true; });
    EXPECT_TRUE(review) << review.error().message();
    if (!review) return 0;
    EXPECT_TRUE(review->doomed.empty());
    const auto discarded = node.discarded("", 1000);
    EXPECT_TRUE(discarded) << discarded.error().message();
    for (const std::string& place : *discarded) store_.remove(place);
    EXPECT_TRUE(node.forget_discarded(*discarded));
    return review->reviewed + discarded->size();
  }
  void expect_whole(MetadataStore& node, const std::string& repository, const std::string& tag,
                    const NewManifest& manifest) {
    const auto found = node.find_manifest(repository, tag, Renew::kNo);
    ASSERT_TRUE(found && *found) << repository << ":" << tag;
    EXPECT_EQ((*found)->digest, manifest.row.digest);
    const auto inspected = node.inspect(repository, manifest);
    ASSERT_TRUE(inspected && *inspected);
    EXPECT_TRUE((*inspected)->outcome.stored()) << repository << ":" << tag;
    EXPECT_TRUE((*inspected)->edges_right);
    for (const ManifestReference& each : manifest.references) {
      const auto blob = node.find_blob(repository, each.digest, Renew::kNo);
      ASSERT_TRUE(blob && *blob) << repository << ":" << tag;
      EXPECT_TRUE(store_.has((*blob)->place)) << repository << ":" << tag;
    }
  }

  MetadataOptions options_;
  TestClock clock_;
  std::shared_ptr<const DatabaseServer> server_;
  SharedStore store_;
};

TEST_F(Nodes, WhatOneTakesTheOtherServes) {
  auto one = open_node();
  auto two = open_node();
  const NewManifest manifest = push_image(*one, "a", "1", "{}", {"layer"});
  expect_whole(*two, "a", "1", manifest);
  EXPECT_TRUE(two->delete_tag("a", "1", {}, {.name = "ann"}));
  EXPECT_FALSE(one->find_manifest("a", "1", Renew::kNo)->has_value());
}

TEST_F(Nodes, OfTwoConditionalPushesOneIsTaken) {
  std::vector<std::unique_ptr<MetadataStore>> nodes;
  for (int i = 0; i < 2; ++i) nodes.push_back(open_node());
  for (int round = 0; round < 10; ++round) {
    const std::string tag = cat("t", round);
    std::atomic<int> taken = 0;
    std::vector<std::jthread> pushers;
    for (auto& node : nodes) {
      pushers.emplace_back([&, config = cat("{", &node - nodes.data(), "}")] {
        push_blob(*node, "a", config);
        push_blob(*node, "a", "layer");
        const auto put = node->put_manifest(
            "a", image(config, {"layer"}),
            {.tags = {tag}, .precondition = {.none_match = EntityTags{.any = true}}});
        EXPECT_TRUE(put) << put.error().message();
        if (put && put->stored()) ++taken;
      });
    }
    pushers.clear();
    EXPECT_EQ(taken, 1);
  }
}

// Their transactions are open at once, and neither waits for the other or is refused.
TEST_F(Nodes, ChangesOfTwoMeetNeitherAtTheAuditLogNorAtAQuota) {
  auto node = open_node();
  push_blob(*node, "a", "first");
  push_blob(*node, "b", "other");
  Database one = open_database();
  Database two = open_database();
  ASSERT_NE(one.lane(), two.lane());
  ASSERT_TRUE(set_quota(one, "", 1'000'000));
  const auto change = [](Database& db, const std::string& repository) -> Result<> {
    TRY(charge(db, *TRY(repository_id(db, repository)), 100));
    return append_audit(db, {.at = {}, .action = "test", .target = repository});
  };
  for (Database* db : {&one, &two}) {  // each has a share from now on
    Transaction tx = *db->begin();
    ASSERT_TRUE(change(*db, "a"));
    ASSERT_TRUE(tx.commit());
  }
  Transaction first = *one.begin();
  ASSERT_TRUE(change(one, "a"));
  Transaction second = *two.begin();
  const auto changed = change(two, "b");
  ASSERT_TRUE(changed) << changed.error().message();
  ASSERT_TRUE(second.commit());
  const auto committed = first.commit();
  ASSERT_TRUE(committed) << committed.error().message();
  EXPECT_EQ(list_quotas(one)->front().used, 410U);
  EXPECT_EQ(verify_audit(one)->rows, 4);
}

TEST_F(Nodes, AllThatHasRoomInAQuotaAndNoMoreIsTaken) {
  constexpr int kPushers = 8;
  constexpr int kEach = 20;
  constexpr int kRoom = 100;
  std::vector<std::unique_ptr<MetadataStore>> nodes;
  for (int i = 0; i < 2; ++i) nodes.push_back(open_node());
  Database db = open_database();
  ASSERT_TRUE(set_quota(db, "", kRoom * 1000));
  std::atomic<int> taken = 0;
  std::vector<std::jthread> pushers;
  for (int pusher = 0; pusher < kPushers; ++pusher) {
    pushers.emplace_back([&, pusher] {
      MetadataStore& node = *nodes[pusher % nodes.size()];
      for (int i = 0; i < kEach; ++i) {
        const auto blob = oci::Digest::of(cat(pusher, " ", i));
        const auto linked =
            node.link_blob(cat("p", pusher), blob, {.size = 1000, .place = store_.put()}, {});
        EXPECT_TRUE(linked || is_policy_refusal(linked.error())) << linked.error().message();
        if (linked) ++taken;
      }
    });
  }
  pushers.clear();
  EXPECT_EQ(taken, kRoom);
  EXPECT_EQ(list_quotas(db)->front().used, kRoom * 1000U);
  EXPECT_EQ(*used_at(db, ""), kRoom * 1000U);
}

TEST_F(Nodes, TheAuditLogIsOneChainWhoeverChains) {
  constexpr int kWriters = 4;
  constexpr int kEach = 50;
  std::vector<std::jthread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      Database db = open_database();
      for (int i = 0; i < kEach; ++i) {
        EXPECT_TRUE(with_attempts(db, [&](Transaction& tx) -> Result<> {
          TRY(append_audit(db, {.at = {}, .actor = cat(writer), .target = cat(i)}));
          return tx.commit();
        }));
        if (i % 5 != 0) continue;
        const Result<> chained = chain_audit(db);
        EXPECT_TRUE(chained) << chained.error().message();
      }
    });
  }
  writers.clear();
  Database db = open_database();
  const auto report = verify_audit(db);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_FALSE(report->broken) << report->why;
  EXPECT_EQ(report->rows, kWriters * kEach);
  std::map<std::string, int> next;  // of each writer's, in his order
  for (const AuditRow& row : *audit_rows(db, 0, 1'000)) {
    EXPECT_EQ(row.entry.target, cat(next[row.entry.actor]++));
  }
}

// Images that share layers come and go on two nodes, while both collect.
TEST_F(Nodes, NoAcknowledgedImageBreaksWhileBothCollect) {
  constexpr int kPushers = 4;
  constexpr int kRounds = 20;
  std::vector<std::unique_ptr<MetadataStore>> nodes;
  for (int i = 0; i < 2; ++i) nodes.push_back(open_node());
  std::atomic<int> at_work = kPushers;
  std::vector<std::map<std::pair<std::string, std::string>, NewManifest>> there(kPushers);
  {
    std::vector<std::jthread> threads;
    for (int pusher = 0; pusher < kPushers; ++pusher) {
      threads.emplace_back([&, pusher] {
        std::minstd_rand random(static_cast<unsigned>(pusher));
        MetadataStore& node = *nodes[pusher % nodes.size()];
        for (int round = 0; round < kRounds; ++round) {
          const std::string repository = random() % 2 == 0 ? "a" : "b";
          const std::string tag = cat("p", pusher, "-", random() % 3);
          const auto key = std::pair(repository, tag);
          if (random() % 3 == 0 && there[pusher].contains(key)) {
            EXPECT_TRUE(node.delete_manifest(repository, there[pusher].at(key).row.digest, {},
                                             {.name = "ann"}));
            there[pusher].erase(key);
          } else {
            const std::vector<std::string> layers = {cat("layer", random() % 4),
                                                     cat("other", random() % 4)};
            there[pusher].insert_or_assign(
                key, push_image(node, repository, tag, cat("{", pusher, ",", round, "}"), layers));
          }
        }
        --at_work;
      });
    }
    for (auto& node : nodes) {
      threads.emplace_back([&] {
        while (at_work > 0) {
          collect(*node);
          clock_.advance(std::chrono::milliseconds(5));
        }
      });
    }
  }
  for (const auto& images : there) {
    for (const auto& [key, manifest] : images) {
      for (auto& node : nodes) expect_whole(*node, key.first, key.second, manifest);
      EXPECT_TRUE(nodes[0]->delete_manifest(key.first, manifest.row.digest, {}, {.name = "ann"}));
    }
  }
  // Manifests that lost their tag to a later push are there without one.
  std::vector<std::pair<std::string, oci::Digest>> left;
  EXPECT_TRUE(nodes[0]->each_manifest([&](const Audit::ManifestName& name) -> Result<> {
    left.emplace_back(name.repository, name.digest);
    return {};
  }));
  for (const auto& [repository, digest] : left) {
    EXPECT_TRUE(nodes[1]->delete_manifest(repository, digest, {}, {.name = "ann"}));
  }
  // Leases end, then the time of what was discarded.
  for (int i = 0; i < 3; ++i) {
    clock_.advance(std::chrono::minutes(1));
    while (collect(*nodes[0]) + collect(*nodes[1]) > 0) {
    }
  }
  EXPECT_EQ(store_.size(), 0u);
  EXPECT_EQ(nodes[0]->repositories({"", 10})->size(), 0u);
}

}  // namespace
}  // namespace skiff::registry
