#include "oci/ignore_patterns.h"

#include <gtest/gtest.h>

#include <chrono>

namespace skiff::oci {
namespace {

struct Case {
  const char* patterns;
  const char* path;
  bool excluded;
};

// Expected values after Docker's reference ("dockerignore file") and path.Match.
constexpr Case kCases[] = {
    {"*.log", "a.log", true},
    {"*.log", "d/a.log", false},
    {"**/*.log", "d/e/a.log", true},
    {"**/*.log", "a.log", true},
    {"/foo/bar/", "foo/bar", true},
    {"foo", "foo/deep/file", true},
    {"foo", "foobar", false},
    {"*/temp*", "somedir/temporary.txt", true},
    {"*/temp*", "temporary.txt", false},
    {"*/temp*", "a/b/temp", false},
    {"*/*/temp*", "a/b/temp1/x", true},
    {"temp?", "tempa", true},
    {"temp?", "temp/", false},
    {"a/**/b", "a/b", true},
    {"a/**/b", "a/x/y/b", true},
    {"a/**/b", "a/xb", false},
    {"a/**", "a/x/y", true},
    {"a/**", "a", false},
    {"**", "anything/at/all", true},
    {"*.md\n!README.md", "README.md", false},
    {"*.md\n!README.md", "CHANGES.md", true},
    {"*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true},
    {"*.md\nREADME-secret.md\n!README*.md", "README-secret.md", false},
    {"dir\n!dir/keep", "dir/keep", false},
    {"dir\n!dir/keep", "dir/keep/below", false},
    {"dir\n!dir/keep", "dir/other", true},
    {"# comment\n\n  x  ", "x", true},
    {" # no comment", "# no comment", true},
    {"\xef\xbb\xbfx", "x", true},
    {"[a-c]x", "bx", true},
    {"[^a-c]x", "bx", false},
    {"[a-]x", "-x", true},
    {"\\*x", "*x", true},
    {"\\*x", "ax", false},
    {"a//b/../c", "a/c", true},
    {"!x\nx", "x", true},
    {"x\r\ny\r\n", "x", true},
    {".", "x", false},
};

TEST(IgnorePatterns, FollowTheReference) {
  for (const Case& c : kCases) {
    auto patterns = IgnorePatterns::parse(c.patterns);
    ASSERT_TRUE(patterns) << patterns.error().message();
    EXPECT_EQ(patterns->excluded(c.path), c.excluded) << c.patterns << " on " << c.path;
  }
}

TEST(IgnorePatterns, AnExcludedDirectoryIsWalkedOnlyWhereSomethingMayComeBack) {
  auto p = IgnorePatterns::parse("a\nb\n!a/keep/*.txt\n");
  ASSERT_TRUE(p);
  EXPECT_TRUE(p->may_contain_exceptions("a"));
  EXPECT_TRUE(p->may_contain_exceptions("a/keep"));
  EXPECT_FALSE(p->may_contain_exceptions("a/drop"));
  EXPECT_FALSE(p->may_contain_exceptions("b"));
  EXPECT_TRUE(IgnorePatterns::parse("a\n!**/x")->may_contain_exceptions("a/b/c"));
  EXPECT_FALSE(IgnorePatterns::parse("a\n")->may_contain_exceptions("a"));
}

TEST(IgnorePatterns, BadPatternsNameTheirLine) {
  for (const char* bad : {"ok\n[a", "ok\n[]", "ok\nx\\", "ok\n[b-a]", "ok\n!"}) {
    auto p = IgnorePatterns::parse(bad);
    ASSERT_FALSE(p) << bad;
    EXPECT_EQ(p.error().code(), Code::kInvalidArgument);
    EXPECT_NE(p.error().message().find("line 2"), std::string::npos) << p.error().message();
  }
}

TEST(IgnorePatterns, AListHasNoComments) {
  const auto p = IgnorePatterns::of({"#a", "b*", "", "!bc"});
  ASSERT_TRUE(p);
  EXPECT_TRUE(p->excluded("#a"));
  EXPECT_TRUE(p->excluded("bb"));
  EXPECT_FALSE(p->excluded("bc"));
  const auto bad = IgnorePatterns::of({"ok", "[a"});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message(), "\"[a\": syntax error in pattern: [ without ]");
}

TEST(IgnorePatterns, HostilePatternsTakeLittleTime) {
  auto p = IgnorePatterns::parse("**/*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b");
  ASSERT_TRUE(p);
  auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(p->excluded(std::string(2000, 'a')));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

}  // namespace
}  // namespace skiff::oci
