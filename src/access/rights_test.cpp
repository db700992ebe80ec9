#include "access/rights.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "access/directory.h"
#include "access/visible_names.h"
#include "base/strings.h"

namespace skiff::access {
namespace {

constexpr TimePoint kAsked{std::chrono::seconds(1000)};
constexpr TimePoint kBefore{std::chrono::seconds(999)};
constexpr TimePoint kLater{std::chrono::seconds(1001)};

using Kind = Subject::Kind;

Grant grant(std::string node, Subject subject, Role role, TimePoint expires = {}) {
  return {std::move(node), subject, role, expires, ""};
}

TEST(AccessRights, HoldBelowTheirNode) {
  const Rights rights({.accounts = {{.id = 1, .name = "ann"}},
                       .grants = {grant("acme", {Kind::kAccount, 1}, Role::kPush)}});
  EXPECT_EQ(rights.role_of(1, "acme/web", kAsked), Role::kPush);
  EXPECT_EQ(rights.role_of(1, "acme", kAsked), Role::kPush);
  EXPECT_EQ(rights.role_of(1, "acme2/web", kAsked), Role::kNone);
  EXPECT_EQ(rights.role_of(2, "acme/web", kAsked), Role::kNone);
  EXPECT_EQ(rights.role_of(0, "acme/web", kAsked), Role::kNone);
}

TEST(AccessRights, OfEverybodyEndAtAClosedNode) {
  const Rights rights({.grants = {grant("acme", {Kind::kEverybody}, Role::kPull),
                                  grant("acme/in", {Kind::kKnown}, Role::kPull),
                                  grant("", {Kind::kAccount, 1}, Role::kOwn)},
                       .closed = {"acme/secret", "acme/in"}});
  EXPECT_EQ(rights.role_of(0, "acme/web", kAsked), Role::kPull);
  EXPECT_EQ(rights.role_of(0, "acme/secret", kAsked), Role::kNone);
  EXPECT_EQ(rights.role_of(0, "acme/secret/deep", kAsked), Role::kNone);
  EXPECT_EQ(rights.role_of(0, "acme/in/deep", kAsked), Role::kNone);
  EXPECT_EQ(rights.role_of(2, "acme/in/deep", kAsked), Role::kPull);
  EXPECT_EQ(rights.role_of(1, "acme/secret", kAsked), Role::kOwn);
}

TEST(AccessRights, EverywhereIsWhatWasGrantedToOneselfOnTheServer) {
  const Rights rights({.grants = {grant("", {Kind::kEverybody}, Role::kPull),
                                  grant("", {Kind::kAccount, 1}, Role::kPush)}});
  EXPECT_EQ(rights.role_everywhere(0, kAsked), Role::kNone);  // some node below may be closed
  EXPECT_EQ(rights.role_everywhere(1, kAsked), Role::kPush);
}

TEST(AccessRights, LimitsOfTokens) {
  const Token token{.limits = {{"acme/*", "v*", Role::kPush}, {"acme/web", "*", Role::kPull}}};
  const auto limit = [&](const char* repository, std::vector<std::string> tags, bool any = false) {
    return limit_of(token, repository, tags, any);
  };
  EXPECT_EQ(limit("acme/web", {"v1"}), Role::kPush);
  EXPECT_EQ(limit("acme/web", {"latest"}), Role::kPull);
  EXPECT_EQ(limit("acme/web", {"v1", "latest"}), Role::kPull);
  EXPECT_EQ(limit("acme/web", {}), Role::kPush);
  EXPECT_EQ(limit("acme/web", {}, true), Role::kPull);
  EXPECT_EQ(limit("acme/db", {"latest"}), Role::kNone);
  EXPECT_EQ(limit("other/web", {"v1"}), Role::kNone);
  EXPECT_EQ(limit_of({}, "any/thing", {}, true), Role::kOwn);
  for (const char* all : {"*", "**"}) {
    const Token any{.limits = {{"**", all, Role::kPush}}};
    EXPECT_EQ(limit_of(any, "any/thing", {}, true), Role::kPush);
  }
}

// The definition, asked grant by grant: how far a grant reaches, and whom it concerns.
Role slowly(const RightsData& data, int64_t account, const std::string& repository) {
  const auto below = [](const std::string& node, const std::string& top) {
    return top.empty() || node == top || node.starts_with(top + "/");
  };
  Role best = Role::kNone;
  for (const Grant& g : data.grants) {
    if (!below(repository, g.node)) continue;
    if (g.expires != TimePoint{} && g.expires <= kAsked) continue;
    bool concerned = false;
    if (g.subject.kind == Kind::kAccount) concerned = account != 0 && g.subject.id == account;
    if (g.subject.kind == Kind::kTeam) {
      for (const Team& team : data.teams) {
        concerned = concerned || (team.id == g.subject.id && account != 0 &&
                                  std::ranges::count(team.members, cat("u", account)) > 0);
      }
    }
    if (g.subject.kind == Kind::kEverybody || g.subject.kind == Kind::kKnown) {
      const bool cut = std::ranges::any_of(data.closed, [&](const std::string& closed) {
        return below(repository, closed) && below(closed, g.node) && closed != g.node;
      });
      concerned = !cut && (g.subject.kind == Kind::kEverybody || account != 0);
    }
    if (concerned) best = std::max(best, g.role);
  }
  return best;
}

rc::Gen<std::string> node() {
  return rc::gen::element<std::string>("", "a", "b", "a/x", "a/y", "a/x/1", "b/x", "aa");
}

RC_GTEST_PROP(AccessRights, AreAsTheyAreDefined, ()) {
  RightsData data;
  for (int64_t id = 1; id <= 3; ++id) data.accounts.push_back({.id = id, .name = cat("u", id)});
  for (int64_t id = 1; id <= 2; ++id) {
    Team team{.id = id, .name = {"a", cat("t", id)}};
    team.members = *rc::gen::container<std::vector<std::string>>(
        rc::gen::element<std::string>("u1", "u2", "u3", "gone"));
    data.teams.push_back(std::move(team));
  }
  const int count = *rc::gen::inRange(0, 8);
  for (int i = 0; i < count; ++i) {
    const auto kind =
        *rc::gen::element(Kind::kAccount, Kind::kTeam, Kind::kEverybody, Kind::kKnown);
    const int64_t id = *rc::gen::inRange(1, 4);
    const auto role = *rc::gen::element(Role::kPull, Role::kPush, Role::kMaintain, Role::kOwn);
    data.grants.push_back(
        grant(*node(), {kind, id}, role, *rc::gen::element(TimePoint{}, kBefore, kAsked, kLater)));
  }
  data.closed = *rc::gen::container<std::vector<std::string>>(node());
  const RightsData copy = data;
  const Rights rights(std::move(data));
  for (int64_t account = 0; account <= 4; ++account) {
    const bool counts = account <= 3;
    const VisibleNames visible = visible_names(rights, {.account = account}, kAsked);
    for (const char* repository :
         {"a", "a-b", "a/x", "a/x-y", "a/x/1", "a/x/10", "a/y/2", "b/x", "c", "aa/x"}) {
      RC_ASSERT(visible.has(repository) ==
                (counts && slowly(copy, account, repository) >= Role::kPull));
      // Ids of accounts that are not there are no members of anything, but may be granted
      // something.
      RC_ASSERT(rights.role_of(account, repository, kAsked) == slowly(copy, account, repository));
    }
  }
}

}  // namespace
}  // namespace skiff::access
