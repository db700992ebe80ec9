#include "registry/claims.h"

#include "registry/test_registry.h"

namespace skiff::registry {
namespace {

using std::chrono::seconds;

class ClaimsTest : public RegistryTest {
 protected:
  void SetUp() override {
    RegistryTest::SetUp();
    one_ = open_metadata();
    two_ = open_metadata();
  }
  std::optional<std::string> take(MetadataStore& store, const std::string& holder) {
    auto note = store.claim("work", holder, clock_.now() + seconds(60));
    EXPECT_TRUE(note) << note.error().message();
    return note.value_or(std::nullopt);
  }

  std::unique_ptr<MetadataStore> one_;
  std::unique_ptr<MetadataStore> two_;
};

TEST_F(ClaimsTest, OneHasItUntilItIsGivenUpOrOver) {
  EXPECT_TRUE(take(*one_, "one"));
  EXPECT_FALSE(take(*two_, "two"));
  EXPECT_TRUE(take(*one_, "one"));  // renewed
  ASSERT_TRUE(two_->give_up_claim("work", "two"));
  EXPECT_FALSE(take(*two_, "two"));
  ASSERT_TRUE(one_->give_up_claim("work", "one"));
  EXPECT_TRUE(take(*two_, "two"));
  clock_.advance(seconds(61));
  EXPECT_TRUE(take(*one_, "one"));
  EXPECT_FALSE(take(*two_, "two"));
}

TEST_F(ClaimsTest, WhatOneLeavesTheNextReads) {
  EXPECT_EQ(take(*one_, "one"), "");
  ASSERT_TRUE(one_->note_claim("work", "one", "half"));
  ASSERT_TRUE(two_->note_claim("work", "two", "nothing of his"));
  clock_.advance(seconds(61));
  EXPECT_EQ(take(*two_, "two"), "half");
}

TEST_F(ClaimsTest, OfManyWhoComeAtOnceOneHasIt) {
  std::atomic<int> have = 0;
  std::vector<std::jthread> servers;
  for (int i = 0; i < 8; ++i) {
    servers.emplace_back([&, i] {
      if (take(i % 2 == 0 ? *one_ : *two_, cat("server ", i))) ++have;
    });
  }
  servers.clear();
  EXPECT_EQ(have, 1);
}

TEST_F(ClaimsTest, ItGoesWithItsObject) {
  {
    const auto held = Claim::take(*one_, "work", "one", clock_);
    ASSERT_TRUE(held && *held);
    EXPECT_FALSE(*Claim::take(*two_, "work", "two", clock_));
    ASSERT_TRUE((*held)->leave("half"));
  }
  const auto next = Claim::take(*two_, "work", "two", clock_);
  ASSERT_TRUE(next && *next);
  EXPECT_EQ((*next)->note(), "half");
}

}  // namespace
}  // namespace skiff::registry
