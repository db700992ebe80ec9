#include "sys/dbus_text.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace skiff::sys {
namespace {

// "type: bytes" of a value, or why it is none.
std::string encoded(std::string_view text) {
  Result<DbusText> value = DbusText::parse(text);
  if (!value) return value.error().message();
  DbusWriter writer;
  EXPECT_TRUE(value->write(writer));
  return cat(value->type(), ": ", to_hex(writer.bytes()));
}

TEST(DbusText, NumbersHaveTheTypeThatIsGiven) {
  EXPECT_EQ(encoded("5"), "i: 05000000");
  EXPECT_EQ(encoded("-1"), "i: ffffffff");
  EXPECT_EQ(encoded("uint64 5"), "t: 0500000000000000");
  EXPECT_EQ(encoded("@t 18446744073709551615"), "t: ffffffffffffffff");
  EXPECT_EQ(encoded("byte 0x1f"), "y: 1f");
  EXPECT_EQ(encoded("int16 -32768"), "n: 0080");
  EXPECT_EQ(encoded("uint16 010"), "q: 0800");
  EXPECT_EQ(encoded("1.5"), "d: 000000000000f83f");
  EXPECT_EQ(encoded("double 2"), "d: 0000000000000040");
  EXPECT_EQ(encoded("0xe"), "i: 0e000000");
}

TEST(DbusText, StringsHaveEscapes) {
  EXPECT_EQ(encoded("'ab'"), "s: 02000000616200");
  EXPECT_EQ(encoded(R"("a\"\n\u00e9")"),
            "s: 05000000"
            "61220ac3a9"
            "00");
  EXPECT_EQ(encoded("objectpath '/a'"), "o: 020000002f6100");
  EXPECT_EQ(encoded("signature 'as'"), "g: 02617300");
  EXPECT_EQ(encoded(R"(b'a\x01\0012')"),
            "ay: 04000000"
            "61010a00");
  EXPECT_EQ(encoded(" true "), "b: 01000000");
}

TEST(DbusText, ArraysTakeTheTypeOfAnElement) {
  EXPECT_EQ(encoded("['a', 'b']"),
            "as: 0e000000"
            "01000000"
            "61000000"
            "01000000"
            "6200");
  EXPECT_EQ(encoded("@aq [1, 2]"),
            "aq: 04000000"
            "0100"
            "0200");
  EXPECT_EQ(encoded("[1, byte 2]"),
            "ay: 02000000"
            "0102");
  EXPECT_EQ(encoded("[1, 0.5]"),
            "ad: 10000000"
            "00000000"
            "000000000000f03f"
            "000000000000e03f");
  EXPECT_EQ(encoded("[[], [true]]"),
            "aab: 0c000000"
            "00000000"
            "04000000"
            "01000000");
  EXPECT_EQ(encoded("@as []"), "as: 00000000");
}

TEST(DbusText, DictionariesAndVariants) {
  EXPECT_EQ(encoded("{byte 1: 'a'}"),
            "a{ys}: 0a000000"
            "00000000"
            "01000000"
            "01000000"
            "6100");
  EXPECT_EQ(encoded("@a{yy} {1: 2}"),
            "a{yy}: 02000000"
            "00000000"
            "0102");
  EXPECT_EQ(encoded("<uint16 7>"),
            "v: 01710000"
            "0700");
  EXPECT_EQ(encoded("[<5>, <true>]").substr(0, 4), "av: ");
}

TEST(DbusText, WhatIsWrongIsSaid) {
  for (const auto& [text, why] : std::initializer_list<std::pair<const char*, const char*>>{
           {"", "too early"},
           {"word", "unexpected \"word\""},
           {"'a", "expected \"'\" at its end"},
           {"5 6", "unexpected \"6\""},
           {"5x", "\"5x\" is nothing of the type \"i\""},
           {"byte 256", "\"256\" is nothing of the type \"y\""},
           {"uint32 -1", "nothing of the type \"u\""},
           {"int32 2147483648", "nothing of the type \"i\""},
           {"@zz 5", "unknown type \"@zz\""},
           {"uint32 'a'", "nothing of the type \"u\""},
           {"[]", "nothing tells the type"},
           {"[1, 'a']", "nothing of the type"},
           {"[1", "expected \"]\""},
           {"'\\u12'", "bad escape"}}) {
    Result<DbusText> value = DbusText::parse(text);
    ASSERT_FALSE(value) << text;
    EXPECT_NE(value.error().message().find(why), std::string::npos)
        << text << ": " << value.error().message();
  }
  EXPECT_FALSE(DbusText::parse(std::string(100, '[') + "1" + std::string(100, ']')));
  EXPECT_FALSE(DbusText::parse("@" + std::string(100, 'a') + "i 1"));
}

TEST(DbusText, IsScaled) {
  EXPECT_EQ(DbusText::parse("2")->scaled(1'000'000).value(), 2'000'000U);
  EXPECT_EQ(DbusText::parse("uint64 3")->scaled(1'000'000).value(), 3'000'000U);
  EXPECT_EQ(DbusText::parse("1.25")->scaled(1'000'000).value(), 1'250'000U);
  for (const char* text : {"'2'", "-2", "-0.5", "uint64 18446744073709551615", "1e30"}) {
    EXPECT_FALSE(DbusText::parse(text)->scaled(1'000'000)) << text;
  }
}

}  // namespace
}  // namespace skiff::sys
