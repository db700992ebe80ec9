#include "dockerfile/source_text.h"

#include <gtest/gtest.h>

namespace skiff::dockerfile {
namespace {

TEST(SourceTextTest, WhatAnErrorIsGivenCanBeTakenOffAgain) {
  const auto source = SourceText::make("Dockerfile", "FROM a\nRUN b: \\\n  c\n");
  ASSERT_TRUE(source);
  const Error placed = source->at({2, 3}, Error(Code::kAborted, "it: failed\nso it did"));
  const auto apart = take_apart(placed.message(), "Dockerfile");
  ASSERT_TRUE(apart);
  EXPECT_EQ(apart->line, 2);
  EXPECT_EQ(apart->text, "it: failed\nso it did");
}

TEST(SourceTextTest, WhatFollowsTheLinesGoesAlong) {
  const auto source = SourceText::make("a/Dockerfile", "RUN b\n");
  const Error placed = source->at({1, 1}, Error(Code::kAborted, "failed"));
  const auto apart = take_apart(placed.message() + "\nThe command", "a/Dockerfile");
  ASSERT_TRUE(apart);
  EXPECT_EQ(apart->text, "failed");
}

TEST(SourceTextTest, NothingInItCommandsATerminal) {
  EXPECT_EQ(without_controls("a\tb\nc \x1b[2J\x07\x7f\r \xc3\xa9 \xc2\x9b"
                             "2J \xc2\xa0"),
            "a\tb\nc \\x1b[2J\\x07\\x7f\\x0d \xc3\xa9 \\xc2\\x9b2J \xc2\xa0");
  const auto source = SourceText::make("Dockerfile", "RUN \x1b]0;t\x07\n");
  const Error placed = source->at({1, 1}, Error(Code::kAborted, "no \x1b[1m"));
  EXPECT_EQ(placed.message(), "Dockerfile:1: no \\x1b[1m\n   1 | >>> RUN \\x1b]0;t\\x07");
}

TEST(SourceTextTest, OtherErrorsHaveNoPlace) {
  EXPECT_FALSE(take_apart("Dockerfile: no: 1", "Dockerfile"));
  EXPECT_FALSE(take_apart("pull a: no", "Dockerfile"));
  EXPECT_FALSE(take_apart("", "Dockerfile"));
}

}  // namespace
}  // namespace skiff::dockerfile
