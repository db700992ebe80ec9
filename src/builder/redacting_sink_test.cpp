#include "builder/redacting_sink.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace skiff::builder {
namespace {

std::string redacted(const std::vector<std::string>& secrets,
                     const std::vector<std::string_view>& pieces) {
  StringSink out;
  RedactingSink sink(out, secrets);
  for (std::string_view piece : pieces) EXPECT_TRUE(sink.write(piece));
  EXPECT_TRUE(sink.finish());
  return out.take();
}

TEST(RedactingSink, WholeSecretsAreBlottedOut) {
  EXPECT_EQ(redacted({"hunter2\n"}, {"it is hunter2, hunter2!\n"}), "it is [secret], [secret]!\n");
  EXPECT_EQ(redacted({"abcd", "abcdef"}, {"abcdef abcd"}), "[secret] [secret]");
  EXPECT_EQ(redacted({}, {"text"}), "text");
}

TEST(RedactingSink, AlsoInPieces) {
  const std::string_view text = "xx hunter2 hunt hunthunter2";
  for (size_t i = 0; i <= text.size(); ++i) {
    for (size_t j = i; j <= text.size(); ++j) {
      EXPECT_EQ(redacted({"hunter2"}, {text.substr(0, i), text.substr(i, j - i), text.substr(j)}),
                "xx [secret] hunt hunt[secret]");
    }
  }
}

TEST(RedactingSink, WhatCannotBeginASecretIsNotKept) {
  StringSink out;
  RedactingSink sink(out, {"hunter2"});
  EXPECT_TRUE(sink.write("ready h"));
  EXPECT_EQ(out.text(), "ready ");
  EXPECT_TRUE(sink.write("o"));
  EXPECT_EQ(out.text(), "ready ho");
}

TEST(RedactingSink, LinesOfASecretAreSecretsToo) {
  const std::string key = "-----BEGIN KEY-----\r\n  aGVsbG8gd29ybGQ=\nend\n";
  EXPECT_EQ(redacted({key}, {"x aGVsbG8gd29ybGQ= end\n"}), "x [secret] end\n");
  EXPECT_EQ(redacted({key}, {"-----BEGIN KEY-----"}), "[secret]");
  // All of it is one secret, in whatever pieces it comes.
  for (size_t i = 0; i <= key.size(); ++i) {
    const std::string_view all = key;
    EXPECT_EQ(redacted({key}, {all.substr(0, i), all.substr(i)}), "[secret]\n") << i;
  }
}

// One search for each of the lines would take minutes.
TEST(RedactingSink, ASecretMayHaveVeryManyLines) {
  std::string key;
  for (int i = 0; i < 50000; ++i) key += cat("secret line ", i, "\n");
  std::string text;
  for (int i = 0; i < 50000; ++i) text += cat("a line of the log: secret lines ", i, "\n");
  EXPECT_EQ(redacted({key, key}, {text, "secret line 4711, secret line x"}),
            cat(text, "[secret], secret line x"));
}

TEST(RedactingSink, TheLongestThatIsThereGoes) {
  const std::vector<std::string> nested = {"abcd", "abcdefgh", "abcdef", "zzzz"};
  EXPECT_EQ(redacted(nested, {"abcdefg abcdefgh abcde abcz"}), "[secret]g [secret] [secret]e abcz");
  EXPECT_EQ(redacted(nested, {"abcde", "fg"}), "[secret]g");
  EXPECT_EQ(redacted(nested, {"abcdzzzz"}), "[secret][secret]");
}

TEST(RedactingSink, ShortOnesStay) { EXPECT_EQ(redacted({"abc", ""}, {"abc"}), "abc"); }

}  // namespace
}  // namespace skiff::builder
