// What changes write to the outbox, and how it gives it to webhooks. The sender is in
// webhook_sender_test.cpp.
#include "registry/test_registry.h"

namespace skiff::registry {
namespace {

class OutboxTest : public RegistryTest {
 protected:
  void SetUp() override {
    RegistryTest::SetUp();
    open_store();
  }
  // As a command does, beside the server.
  void open_store() { store_ = open_metadata({}); }
  std::string add(std::vector<std::string> kinds = {}, std::vector<std::string> repositories = {}) {
    auto added = store_->add_webhook({.url = "https://ci.example/",
                                      .kinds = std::move(kinds),
                                      .repositories = std::move(repositories)});
    EXPECT_TRUE(added);
    return added ? added->id : "";
  }
  // In the order of the events.
  std::vector<Delivery> all(const std::string& webhook, const std::string& state = "") {
    EXPECT_TRUE(store_->spread_events());
    auto found = store_->deliveries(webhook, state, 1000);
    EXPECT_TRUE(found);
    std::reverse(found->begin(), found->end());
    return *found;
  }
  std::vector<std::string> kinds(const std::string& webhook) {
    std::vector<std::string> out;
    for (const Delivery& each : all(webhook)) out.push_back(each.kind);
    return out;
  }
  static json::Value data(const Delivery& delivery) { return *json::parse(delivery.data); }
  void settle(const std::string& webhook, int64_t event, bool delivered) {
    DeliveryOutcome outcome{.delivered = delivered, .status = delivered ? 204 : 500};
    if (!delivered) outcome.next_try = clock_.now() + std::chrono::seconds(10);
    ASSERT_TRUE(store_->settle_delivery(webhook, event, outcome));
  }
  // The event that is due; 0 for none.
  int64_t due(const std::string& webhook) {
    auto next = store_->due_delivery(webhook);
    EXPECT_TRUE(next);
    return *next ? (*next)->event : 0;
  }

  std::unique_ptr<MetadataStore> store_;
};

using Texts = std::vector<std::string>;

TEST_F(OutboxTest, TellsOfEachChange) {
  const std::string hook = add();
  const std::string one = push_image("acme/web", "1", "config", {"layer"});
  const std::string two = push_image("acme/web", "1", "config", {"other"});
  EXPECT_EQ(client().remove(manifest_path("acme/web", "1")).status, 202);
  EXPECT_EQ(kinds(hook), (Texts{"repository.created", "manifest.pushed", "tag.set",
                                "manifest.pushed", "tag.set", "tag.deleted"}));
  const std::vector<Delivery> told = all(hook);
  const json::Value pushed = data(told[1]);
  EXPECT_EQ(pushed.string("repository"), "acme/web");
  EXPECT_EQ(pushed.string("digest"), one);
  EXPECT_EQ(pushed.string("mediaType"), oci::kMediaTypeManifest);
  EXPECT_GT(pushed.integer("size"), 0);
  EXPECT_EQ(pushed.strings("tags"), Texts{"1"});
  EXPECT_FALSE(data(told[2]).has("before"));
  EXPECT_EQ(data(told[4]).string("before"), one);
  EXPECT_EQ(data(told[4]).string("digest"), two);
  EXPECT_EQ(data(told[5]).string("tag"), "1");
  EXPECT_EQ(data(told[5]).string("before"), two);
}

TEST_F(OutboxTest, TellsOfTheLastManifestsEnd) {
  for (const int64_t undelete : {0, 3600}) {
    options_.metadata.undelete = std::chrono::seconds(undelete);
    restart();
    const std::string digest = push_image("box", "1", "config", {"layer"});
    const std::string hook = add();
    EXPECT_EQ(client().remove(manifest_path("box", digest)).status, 202);
    EXPECT_EQ(kinds(hook), (Texts{"tag.deleted", "manifest.deleted", "repository.deleted"}));
    EXPECT_EQ(data(all(hook)[1]).string("reason"), "deleted");
  }
}

TEST_F(OutboxTest, TellsOfARestore) {
  options_.metadata.undelete = std::chrono::seconds(3600);
  restart();
  const std::string digest = push_image("box", "1", "config", {"layer"});
  EXPECT_EQ(client().remove(manifest_path("box", digest)).status, 202);
  const std::string hook = add();
  EXPECT_EQ(client().call("POST", cat("/v2/box/_skiff/restore/", digest)).status, 200);
  EXPECT_EQ(kinds(hook), (Texts{"repository.created", "manifest.restored", "tag.set"}));
}

TEST_F(OutboxTest, TellsOfWhatTheCollectionTakes) {
  options_.metadata.collect_untagged = true;
  restart();
  push_image("box", "1", "config", {"layer"});
  const std::string hook = add();
  EXPECT_EQ(client().remove(manifest_path("box", "1")).status, 202);
  clock_.advance(std::chrono::hours(2));
  ASSERT_TRUE(registry_->collect_garbage());
  EXPECT_EQ(kinds(hook), (Texts{"tag.deleted", "manifest.deleted", "repository.deleted"}));
  EXPECT_EQ(data(all(hook)[1]).string("reason"), "garbage");
}

TEST_F(OutboxTest, IsSilentOfWhatDidNotHappen) {
  const std::string hook = add();
  EXPECT_EQ(client().put_manifest("box", "1", image_of("config", {"missing"})).status, 400);
  EXPECT_EQ(client().remove(manifest_path("box", "1")).status, 404);
  EXPECT_EQ(kinds(hook), Texts{});
}

TEST_F(OutboxTest, WritesNothingWhereNobodyListens) {
  push_image("box", "1", "config", {"layer"});
  const std::string hook = add();
  EXPECT_TRUE(store_->set_webhook_disabled(hook, true));
  push_image("box", "2", "config", {"other"});
  EXPECT_TRUE(store_->set_webhook_disabled(hook, false));
  EXPECT_EQ(kinds(hook), Texts{});
  EXPECT_EQ(store_->outbox_counts()->waiting, 0);
}

TEST_F(OutboxTest, GivesToEachWhatItWants) {
  const std::string tags = add({"tag.set", "tag.deleted"});
  const std::string acme = add({"manifest.pushed"}, {"acme/**"});
  const std::string none = add({}, {"elsewhere"});
  push_image("acme/web/site", "1", "config", {"layer"});
  push_image("box", "1", "config", {"layer"});
  const std::string late = add();
  EXPECT_EQ(kinds(tags), (Texts{"tag.set", "tag.set"}));
  EXPECT_EQ(kinds(acme), Texts{"manifest.pushed"});
  EXPECT_EQ(kinds(none), Texts{});
  EXPECT_EQ(kinds(late), Texts{});
}

TEST_F(OutboxTest, HoldsUpARepositoryBehindItsFirst) {
  const std::string hook = add({"tag.set"});
  push_image("a", "1", "config", {"layer"});
  push_image("a", "2", "config", {"layer"});
  push_image("b", "1", "config", {"layer"});
  const std::vector<Delivery> told = all(hook);
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(due(hook), told[0].event);
  settle(hook, told[0].event, false);
  EXPECT_EQ(due(hook), told[2].event);
  settle(hook, told[2].event, true);
  EXPECT_EQ(due(hook), 0);
  clock_.advance(std::chrono::seconds(10));
  EXPECT_EQ(due(hook), told[0].event);
  settle(hook, told[0].event, true);
  EXPECT_EQ(due(hook), told[1].event);
  const Delivery first = all(hook, "delivered")[0];
  EXPECT_EQ(first.attempts, 2);
  EXPECT_EQ(first.status, 204);
}

TEST_F(OutboxTest, DropsWhatIsTooOldAndGoesOnBehindIt) {
  const std::string hook = add({"tag.set"});
  push_image("a", "1", "config", {"layer"});
  ASSERT_EQ(all(hook).size(), 1U);
  settle(hook, all(hook)[0].event, false);
  clock_.advance(std::chrono::hours(2));
  push_image("a", "2", "config", {"layer"});
  ASSERT_EQ(all(hook).size(), 2U);
  EXPECT_EQ(*store_->trim_outbox({.age = std::chrono::hours(1)}), 1);
  EXPECT_EQ(all(hook, "dropped").size(), 1U);
  EXPECT_EQ(due(hook), all(hook, "waiting")[0].event);
}

TEST_F(OutboxTest, KeepsNoMoreThanItsLimits) {
  const std::string hook = add({"tag.set"});
  for (const char* tag : {"1", "2", "3", "4", "5"}) push_image("a", tag, "config", {"layer"});
  ASSERT_EQ(all(hook).size(), 5U);
  EXPECT_EQ(*store_->trim_outbox({.waiting = 2, .kept = 1}), 3);
  EXPECT_EQ(all(hook, "waiting").size(), 2U);
  ASSERT_EQ(all(hook, "dropped").size(), 1U);
  EXPECT_EQ(all(hook, "dropped")[0].error, "too many waited");
  EXPECT_EQ(due(hook), all(hook, "waiting")[0].event);
  EXPECT_EQ(*store_->trim_outbox({}), 0);
}

TEST_F(OutboxTest, DeliversAgainWhatIsAskedFor) {
  const std::string hook = add({"tag.set"});
  push_image("a", "1", "config", {"layer"});
  const int64_t event = all(hook)[0].event;
  settle(hook, event, true);
  EXPECT_EQ(due(hook), 0);
  EXPECT_EQ(*store_->redeliver(hook, event), 1);
  EXPECT_EQ(due(hook), event);
  ASSERT_TRUE(store_->settle_delivery(hook, event, {.error = "given up"}));
  EXPECT_EQ(all(hook, "dropped")[0].error, "given up");
  EXPECT_EQ(*store_->redeliver(hook, 0), 1);
  EXPECT_EQ(due(hook), event);
  EXPECT_EQ(store_->redeliver(hook, 999).error().code(), Code::kNotFound);
}

TEST_F(OutboxTest, IsClaimedByOneServerAtATime) {
  const std::string hook = add();
  const auto until = [&] { return clock_.now() + std::chrono::seconds(60); };
  EXPECT_TRUE(*store_->claim_webhook(hook, "one", until()));
  EXPECT_TRUE(*store_->claim_webhook(hook, "one", until()));
  EXPECT_FALSE(*store_->claim_webhook(hook, "two", until()));
  clock_.advance(std::chrono::seconds(61));
  EXPECT_TRUE(*store_->claim_webhook(hook, "two", until()));
}

TEST_F(OutboxTest, ForgetsAWebhookWithItsDeliveries) {
  const std::string hook = add();
  push_image("a", "1", "config", {"layer"});
  EXPECT_FALSE(all(hook).empty());
  EXPECT_TRUE(store_->remove_webhook(hook));
  EXPECT_TRUE(store_->webhooks()->empty());
  EXPECT_EQ(store_->remove_webhook(hook).error().code(), Code::kNotFound);
  EXPECT_TRUE(store_->trim_outbox({}));
  EXPECT_EQ(store_->outbox_counts()->waiting, 0);
}

}  // namespace
}  // namespace skiff::registry
