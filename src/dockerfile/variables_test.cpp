#include "dockerfile/variables.h"

#include <gtest/gtest.h>

#include <map>

#include "base/strings.h"

namespace skiff::dockerfile {
namespace {

Expander expander(char escape = '\\') {
  static const std::map<std::string, std::string> kValues = {{"x", "value"},
                                                             {"empty", ""},
                                                             {"path", "/usr/local/lib/a.tar.gz"},
                                                             {"ports", "80 443 "},
                                                             {"lines", "one\ntwo"},
                                                             {"accent", "\xC3\xA9t\xC3\xA9"},
                                                             {"big", std::string(100'000, 'a')},
                                                             {"1", "first"}};
  return Expander(escape, [](const std::string& name) -> std::optional<std::string> {
    auto found = kValues.find(name);
    if (found == kValues.end()) return std::nullopt;
    return found->second;
  });
}

TEST(Variables, WhatIsShownKeepsQuotesAndWhatIsUnset) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"RUN a $x 'b $x' \"c $x\"", "RUN a value 'b $x' \"c value\""},
      {"$unset ${unset} \"$unset\"", "$unset ${unset} \"$unset\""},
      {"$$ $? $(id) ${x}y", "$$ $? $(id) valuey"},
      {"${unset:-$x} ${unset+w} ${unset?m}", "${unset:-value} ${unset+w} ${unset?m}"},
      {"${unset##*/} ${unset%.?} ${unset//a/b}", "${unset##*/} ${unset%.?} ${unset/a/b}"},
      {"${x:-w} ${path##*/} ${path//l/L}", "value a.tar.gz /usr/LocaL/Lib/a.tar.gz"},
      {"a\\ b \\$x", "a b $x"},
  };
  for (const auto& [text, wanted] : cases) {
    EXPECT_EQ(expander().shown(text).value_or("an error"), wanted) << text;
  }
  EXPECT_FALSE(expander().shown("echo \"open"));
}

TEST(Variables, TheTableOfForms) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"plain", "plain"},
      {"$x", "value"},
      {"a$x.b", "avalue.b"},
      {"${x}y", "valuey"},
      {"$xy", ""},
      {"$unset", ""},
      {"$", "$"},
      {"a$", "a$"},
      {"$/a", "$/a"},
      {"$1", "first"},
      {"\\$x", "$x"},
      {"\\a", "a"},
      {"'$x'", "$x"},
      {"\"$x\"", "value"},
      {"\"\\$x \\\" \\a\"", "$x \" \\a"},
      {"a'b'\"c\"", "abc"},
      {"${x:-w}", "value"},
      {"${empty:-w}", "w"},
      {"${empty-w}", ""},
      {"${unset:-w}", "w"},
      {"${unset-w}", "w"},
      {"${unset:-$x}", "value"},
      {"${unset:-${unset2:-deep}}", "deep"},
      {"${unset:-a b}", "a b"},
      {"${unset:-'}'}", "}"},
      {"${unset:-\\}}", "}"},
      {"${x:+w}", "w"},
      {"${x+w}", "w"},
      {"${empty:+w}", ""},
      {"${empty+w}", "w"},
      {"${unset:+w}", ""},
      {"${x:?no}", "value"},
      {"${x?no}", "value"},
      {"${path#*/}", "usr/local/lib/a.tar.gz"},
      {"${path##*/}", "a.tar.gz"},
      {"${path%/*}", "/usr/local/lib"},
      {"${path%%/*}", ""},
      {"${path%.*}", "/usr/local/lib/a.tar"},
      {"${path%%.*}", "/usr/local/lib/a"},
      {"${path#/usr}", "/local/lib/a.tar.gz"},
      {"${path#usr}", "/usr/local/lib/a.tar.gz"},
      {"${path#/us?}", "/local/lib/a.tar.gz"},
      {"${path/local/remote}", "/usr/remote/lib/a.tar.gz"},
      {"${path//a/A}", "/usr/locAl/lib/A.tAr.gz"},
      {"${path//\\//-}", "-usr-local-lib-a.tar.gz"},
      {"${path/l*l/X}", "/usr/Xib/a.tar.gz"},
      {"${x//\\*/y}", "value"},
      {"${lines#*}", "one\ntwo"},
      {"${lines##*}", "\ntwo"},
      {"${accent#?}", "t\xC3\xA9"},
      {"${accent%?}", "\xC3\xA9t"},
  };
  for (const auto& [text, expected] : cases) {
    auto got = expander().word(text);
    ASSERT_TRUE(got) << text << ": " << got.error().message();
    EXPECT_EQ(*got, expected) << text;
  }
}

TEST(Variables, Errors) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"${x", "syntax error: missing '}'"},
      {"${x:", "syntax error: missing '}'"},
      {"${x:-a", "syntax error: missing '}'"},
      {"${x\nb}", "syntax error: missing '}'"},
      {"${x:\nb}", "syntax error: missing '}'"},
      {"${}", "syntax error: bad substitution"},
      {"${:-x}", "syntax error: bad substitution"},
      {"${{x}}", "syntax error: bad substitution"},
      {"${x=1}", "unsupported modifier (=) in substitution"},
      {"${x:=1}", "unsupported modifier (:=) in substitution"},
      {"${x:#1}", "unsupported modifier (:#) in substitution"},
      {"${unset:?must be given}", "unset: must be given"},
      {"${unset?}", "unset: is not allowed to be unset"},
      {"${empty:?}", "empty: is not allowed to be empty"},
      {"'a", "unexpected end of statement while looking for matching single-quote"},
      {"\"a", "unexpected end of statement while looking for matching double-quote"},
      {"${big#a}", "big: longer than 65536 bytes, too long for a pattern"},
  };
  for (const auto& [text, expected] : cases) {
    auto got = expander().word(text);
    ASSERT_FALSE(got) << text << " gave " << *got;
    EXPECT_EQ(got.error().message(), expected) << text;
  }
}

TEST(Variables, ValuesCannotGrowWithoutBound) {
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "$big";
  EXPECT_EQ(expander().word(many).error().code(), Code::kResourceExhausted);
  EXPECT_EQ(expander().word(cat('"', many, '"')).error().code(), Code::kResourceExhausted);
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += "${u:-";
  EXPECT_FALSE(expander().word(deep));
}

TEST(Variables, TheEscapeCharacterIsTheFiles) {
  EXPECT_EQ(*expander('`').word("C:\\dir`$x"), "C:\\dir$x");
  EXPECT_EQ(*expander('`').word("\"`\"\""), "\"");
}

TEST(Variables, WhatIsUnsetIsTold) {
  std::vector<std::string> told;
  const Expander some(
      '\\', [](const std::string& name) { return name == "x" ? std::optional("1") : std::nullopt; },
      [&](const std::string& name) { told.push_back(name); });
  ASSERT_TRUE(some.word("$x ${a} $b ${c:-w} ${d+w} ${e%z} '$f' \\$g \"$h\" ${i:-$j}"));
  EXPECT_EQ(told, (std::vector<std::string>{"a", "b", "c", "d", "e", "h", "j", "i"}));
}

TEST(Variables, WordsSplitOutsideQuotes) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(*expander().words("$ports"), (Words{"80", "443"}));
  EXPECT_EQ(*expander().words("a$ports"), (Words{"a80", "443"}));
  EXPECT_EQ(*expander().words("\"$ports\""), (Words{"80 443 "}));
  EXPECT_EQ(*expander().words("$unset"), Words());
  EXPECT_EQ(*expander().words("''"), (Words{""}));
  EXPECT_EQ(*expander().words("${unset:-1 2}"), (Words{"1", "2"}));
}

TEST(Variables, HeredocBodiesKeepTheirQuotes) {
  EXPECT_EQ(*expander().body("a \"$x\" '$x' \\$x \\n\n"), "a \"value\" 'value' $x \\n\n");
  EXPECT_EQ(*expander().body("${unset:-a\\b}"), "a\\b");
}

}  // namespace
}  // namespace skiff::dockerfile
