#include "access/visible_names.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "access/directory.h"
#include "base/strings.h"

namespace skiff::access {
namespace {

constexpr TimePoint kVisibleAt{std::chrono::seconds(1000)};
const Identity kAnn{.account = 1, .name = "ann"};
constexpr size_t kAll = 1'000'000;

using Names = std::vector<std::string>;
using Kind = Subject::Kind;

// A store of names that counts what it is asked.
struct Store {
  Names names;
  size_t questions = 0;

  VisibleNames::Names reader() {
    return [this](const std::string& from, size_t limit) -> Result<Names> {
      ++questions;
      const auto first = std::ranges::lower_bound(names, from);
      return Names(first,
                   first + static_cast<ptrdiff_t>(std::min<size_t>(limit, names.end() - first)));
    };
  }
};

// 100,000 names: org000/0 to org099/999.
Store hundred_thousand() {
  Store store;
  for (int i = 0; i < 100'000; ++i) {
    store.names.push_back(cat("org", cat(1000 + i / 1000).substr(1), "/", 1000 + i % 1000));
  }
  std::ranges::sort(store.names);
  return store;
}

Rights rights_of(Names nodes, std::vector<TokenLimit> limits = {}) {
  RightsData data{.accounts = {{.id = 1, .name = "ann"}}};
  for (std::string& node : nodes) data.grants.push_back({node, {Kind::kAccount, 1}, Role::kPull});
  data.tokens.push_back({.id = "t", .account = 1, .limits = std::move(limits)});
  return Rights(std::move(data));
}

TEST(VisibleNames, APageAmongManyHiddenNamesTakesFewQuestions) {
  Store store = hundred_thousand();
  const Rights rights = rights_of({"org050/1500", "org090", "org099/1999"});
  const VisibleNames visible = visible_names(rights, kAnn, kVisibleAt);
  const Names first = *visible.take("", 3, store.reader());
  EXPECT_EQ(first, (Names{"org050/1500", "org090/1000", "org090/1001"}));
  EXPECT_LE(store.questions, 2u);
  store.questions = 0;
  const Names all = *visible.take("", kAll, store.reader());
  EXPECT_EQ(all.size(), 1002u);
  EXPECT_EQ(all.back(), "org099/1999");
  EXPECT_LE(store.questions, 4u);
}

TEST(VisibleNames, WhoMaySeeNothingAsksNothing) {
  Store store = hundred_thousand();
  EXPECT_EQ(visible_names(rights_of({}), kAnn, kVisibleAt).take("", kAll, store.reader())->size(),
            0u);
  EXPECT_EQ(visible_names(rights_of({""}), {.account = 9}, kVisibleAt)
                .take("", kAll, store.reader())
                ->size(),
            0u);
  EXPECT_EQ(store.questions, 0u);
}

TEST(VisibleNames, ThousandsOfGrantsOnNamesThatAreNotThereAreSteppedOver) {
  Store store = hundred_thousand();
  Names nodes;
  for (int i = 0; i < 5'000; ++i) nodes.push_back(cat("org099/", 2000 + i));
  const Rights rights = rights_of(std::move(nodes));
  EXPECT_EQ(visible_names(rights, kAnn, kVisibleAt).take("", kAll, store.reader())->size(), 0u);
  EXPECT_EQ(store.questions, 1u);
}

TEST(VisibleNames, ATokensPatternsNarrowTheStretches) {
  Store store = hundred_thousand();
  const Rights rights = rights_of({""}, {{"org042/*7", "*", Role::kPull},
                                         {"org043/1000", "*", Role::kPush},
                                         {"org044/**", "*", Role::kNone}});
  const VisibleNames visible = visible_names(rights, {1, "ann", false, "t"}, kVisibleAt);
  const Names all = *visible.take("", kAll, store.reader());
  EXPECT_EQ(all.size(), 101u);
  EXPECT_EQ(all.front(), "org042/1007");
  EXPECT_EQ(all.back(), "org043/1000");
  EXPECT_LE(store.questions, 3u);
}

RC_GTEST_PROP(VisibleNames, PagesAreThoseOfAllNames, (size_t limit)) {
  limit = 1 + limit % 5;
  Store store{{"a", "a-b", "a/x", "a/x-y", "a/x/1", "a0", "aa/x", "b", "b/x/1", "c"}};
  const auto node = rc::gen::element<std::string>("", "a", "a/x", "a/x/1", "aa", "b", "b/x");
  RightsData data{.accounts = {{.id = 1, .name = "ann"}}};
  for (const std::string& each : *rc::gen::container<Names>(node)) {
    data.grants.push_back(
        {each, {*rc::gen::element(Kind::kAccount, Kind::kEverybody), 1}, Role::kPull});
  }
  data.closed = *rc::gen::container<Names>(node);
  const Rights rights(std::move(data));
  Names expected;
  for (const std::string& name : store.names) {
    if (rights.role_of(1, name, kVisibleAt) >= Role::kPull) expected.push_back(name);
  }
  const VisibleNames visible = visible_names(rights, kAnn, kVisibleAt);
  Names found;
  while (true) {
    const Names page = *visible.take(found.empty() ? "" : found.back(), limit, store.reader());
    if (page.empty()) break;
    found.insert(found.end(), page.begin(), page.end());
  }
  RC_ASSERT(found == expected);
}

}  // namespace
}  // namespace skiff::access
