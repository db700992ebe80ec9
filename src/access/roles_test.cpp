#include "access/roles.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace skiff::access {
namespace {

TEST(AccessNames, HaveTheirForms) {
  for (const char* good : {"ann", "a", "ann.b-c_d", "0"})
    EXPECT_TRUE(check_user_name(good)) << good;
  for (const char* bad :
       {"", "Ann", "ann:b", "-a", "a-", "a+b", "a/b", "everybody", "known", "a b"}) {
    EXPECT_FALSE(check_user_name(bad)) << bad;
  }
  EXPECT_FALSE(check_user_name(std::string(65, 'a')));
  EXPECT_TRUE(check_robot_name("acme+ci"));
  for (const char* bad : {"acme", "+ci", "acme+", "a+b+c", "a/b+c"}) {
    EXPECT_FALSE(check_robot_name(bad)) << bad;
  }
  EXPECT_EQ(*node_named("/"), "");
  EXPECT_EQ(*node_named("acme/web"), "acme/web");
  for (const char* bad : {"", "/acme", "acme/", "a//b", "../a", "A"})
    EXPECT_FALSE(node_named(bad)) << bad;
  EXPECT_EQ(team_named("acme/devs")->name, "devs");
  EXPECT_FALSE(team_named("acme"));
  EXPECT_FALSE(team_named("acme/a/b"));
}

TEST(AccessNames, RolesHaveNames) {
  for (Role role : {Role::kPull, Role::kPush, Role::kMaintain, Role::kOwn}) {
    EXPECT_EQ(*role_named(role_name(role)), role);
  }
  EXPECT_FALSE(role_named("none"));
  EXPECT_FALSE(role_named("admin"));
}

TEST(AccessNames, NodesHaveOnesAboveThem) {
  EXPECT_EQ(parent_node("a/b/c"), "a/b");
  EXPECT_EQ(parent_node("a"), "");
  EXPECT_EQ(parent_node(""), std::nullopt);
}

TEST(AccessPatterns, MatchWholeTexts) {
  const struct {
    const char* pattern;
    const char* text;
    bool matches;
  } kCases[] = {
      {"acme/web", "acme/web", true},
      {"acme/web", "acme/web2", false},
      {"acme/*", "acme/web", true},
      {"acme/*", "acme/web/x", false},
      {"acme/**", "acme/web/x", true},
      {"acme/**", "acme", false},
      {"**", "a/b/c", true},
      {"**", "", true},
      {"*", "a/b", false},
      {"*", "", true},
      {"v*", "v1.2", true},
      {"v*", "w1", false},
      {"*-rc*", "v1-rc2", true},
      {"**/web", "a/b/web", true},
      {"**/web", "web", false},
      {"a*b*c", "aXbYc", true},
      {"a**b*c", "a/x/b/b.c", true},
      {"a", "", false},
      {"", "a", false},
  };
  for (const auto& [pattern, text, matches] : kCases) {
    EXPECT_EQ(matches_pattern(pattern, text), matches) << pattern << " " << text;
  }
  EXPECT_FALSE(check_pattern("a b"));
  EXPECT_FALSE(check_pattern(""));
  EXPECT_TRUE(check_pattern("acme/**"));
}

// The definition, word by word; slow for long patterns.
bool matches_slowly(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.starts_with("**")) {
    for (size_t n = 0; n <= text.size(); ++n) {
      if (matches_slowly(pattern.substr(2), text.substr(n))) return true;
    }
    return false;
  }
  if (pattern.front() == '*') {
    for (size_t n = 0; n <= text.size(); ++n) {
      if (matches_slowly(pattern.substr(1), text.substr(n))) return true;
      if (n < text.size() && text[n] == '/') return false;
    }
    return false;
  }
  return !text.empty() && pattern.front() == text.front() &&
         matches_slowly(pattern.substr(1), text.substr(1));
}

RC_GTEST_PROP(AccessPatterns, MatchAsTheyAreDefined, ()) {
  const auto pattern =
      *rc::gen::resize(8, rc::gen::container<std::string>(rc::gen::element('a', 'b', '/', '*')));
  const auto text =
      *rc::gen::resize(8, rc::gen::container<std::string>(rc::gen::element('a', 'b', '/')));
  RC_ASSERT(matches_pattern(pattern, text) == matches_slowly(pattern, text));
}

TEST(AccessPatterns, DoNotTakeForEver) {
  // A matcher that tries all ways would take 2^60 steps.
  const std::string pattern = "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b";
  EXPECT_FALSE(matches_pattern(pattern, std::string(200, 'a')));
}

}  // namespace
}  // namespace skiff::access
