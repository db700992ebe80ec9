#include "codec/json.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "codec/test_programs.h"

namespace skiff::json {
namespace {

Value parsed(std::string_view text) {
  auto value = parse(text);
  EXPECT_TRUE(value) << text << ": " << value.error().message();
  return value ? *value : Value();
}

TEST(Json, ReadsForgivingly) {
  const Value v = parsed(R"({"Name":"n","Count":3,"Half":0.5,"On":true,"None":null,
                             "List":["a",1,"b"],"Map":{"x":"1","y":2}})");
  EXPECT_EQ(v.string("Name"), "n");
  EXPECT_EQ(v.integer("Count"), 3);
  EXPECT_EQ(v.number("Count"), 3.0);
  EXPECT_EQ(v.number("Half"), 0.5);
  EXPECT_TRUE(v.boolean("On"));
  EXPECT_EQ(v.strings("List"), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(v.string_map("Map"), (std::map<std::string, std::string>{{"x", "1"}, {"y", ""}}));
  for (const char* key : {"Absent", "None", "Count", "List"}) {
    EXPECT_EQ(v.string(key), "") << key;
    EXPECT_FALSE(v.boolean(key)) << key;
  }
  EXPECT_TRUE(v.has("None"));
  EXPECT_FALSE(v.has("Absent"));
  EXPECT_FALSE(Value("text").has("Absent"));
}

TEST(Json, ReadsStrictly) {
  const Value v = parsed(R"({"s":"x","n":7,"a":[],"o":{}})");
  EXPECT_EQ(*v.require_string("s"), "x");
  EXPECT_EQ(*v.require_int("n"), 7);
  EXPECT_TRUE(v.require_array("a") && v.require_object("o"));
  EXPECT_EQ(v.require_string("n").error().message(), "n: must be a string");
  EXPECT_EQ(v.require_int("gone").error().message(), "gone: missing, must be a whole number");
  EXPECT_EQ(v.require_array("o").error().code(), Code::kInvalidArgument);
  EXPECT_EQ(v.require_object("a").error().code(), Code::kInvalidArgument);
}

TEST(Json, OfDuplicateKeysTheLastWinsAtThePlaceOfTheFirst) {
  EXPECT_EQ(parsed(R"({"a":1,"b":2,"a":3})").dump(), R"({"a":3,"b":2})");
  std::string many = "{";
  for (int i = 0; i < 100; ++i) many += cat("\"k", i % 50, "\":", i, ",");
  many.back() = '}';
  const Value v = parsed(many);
  EXPECT_EQ(v.as_object().size(), 50u);
  EXPECT_EQ(v.integer("k0"), 50);
  EXPECT_EQ(v.as_object().begin()->first, "k0");
}

TEST(Json, NumbersAreWholeWhereTheyCanBe) {
  EXPECT_TRUE(parsed("9223372036854775807").is_int());
  EXPECT_EQ(parsed("-9223372036854775808").as_int(), INT64_MIN);
  EXPECT_FALSE(parsed("9223372036854775808").is_int());
  EXPECT_TRUE(parsed("1e3").is_int());
  EXPECT_EQ(parsed("1e3").as_int(), 1000);
  EXPECT_FALSE(parsed("1.5").is_int());
  EXPECT_EQ(parsed("1.0"), Value(1));
  EXPECT_EQ(parsed("-1037485953.5390563").as_double(), -1037485953.5390563);
}

TEST(Json, NumbersAreWrittenAsGoWritesThem) {
  const std::pair<double, const char*> kNumbers[] = {
      {0.1, "0.1"},       {1e20, "100000000000000000000"},
      {1e21, "1e+21"},    {1.5e-6, "0.0000015"},
      {1.5e-7, "1.5e-7"}, {1e-10, "1e-10"},
      {-2.5, "-2.5"},     {1e100, "1e+100"}};
  for (const auto& [number, text] : kNumbers) EXPECT_EQ(Value(number).dump(), text);
  EXPECT_EQ(Value(std::nan("")).dump(), "null");
  EXPECT_EQ(Value(std::numeric_limits<double>::infinity()).dump(), "null");
}

TEST(Json, StringsAreWrittenAsGoWritesThem) {
  EXPECT_EQ(Value("a\"b\\c\n\r\t\b\f\x01/").dump(), R"("a\"b\\c\n\r\t\b\f\u0001/")");
  EXPECT_EQ(Value("<a & b>").dump(), R"("<a & b>")");
  EXPECT_EQ(Value("<a & b>").dump(Html::kEscaped), R"("\u003ca \u0026 b\u003e")");
  EXPECT_EQ(Value("\u2028\u2029 \u00e4").dump(), "\"\\u2028\\u2029 \u00e4\"");
  EXPECT_EQ(Value("bad \xff\xc0\xaf end").dump(), R"("bad \ufffd\ufffd\ufffd end")");
  EXPECT_EQ(Value("\xed\xa0\x80").dump(), R"("\ufffd\ufffd\ufffd")");  // a surrogate
}

TEST(Json, PrettyIsWhatInspectPrints) {
  const Value v = object({{"Id", "x"}, {"List", array({1, 2})}, {"None", array()}});
  EXPECT_EQ(v.pretty(), R"({
    "Id": "x",
    "List": [
        1,
        2
    ],
    "None": []
})");
}

TEST(Json, BadDocumentsNameTheByte) {
  for (const char* text : {"", "{", "[1,]", "{\"a\"}", "nul", "01", "1 2", "\"a", "\"\\x\"",
                           "\"\xff\"", "\"\t\"", "{\"a\":1}}", "[1]garbage", "'a'", "+1", "NaN"}) {
    const auto value = parse(text);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().code(), Code::kInvalidArgument);
    EXPECT_TRUE(value.error().message().starts_with("invalid JSON at byte ")) << text;
  }
}

TEST(Json, DepthIsLimited) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(parse(nested(100)));
  EXPECT_FALSE(parse(nested(101)));
  EXPECT_FALSE(parse(std::string(1'000'000, '[')));
}

TEST(Json, ValuesCompareByValue) {
  EXPECT_EQ(parsed(R"({"a":1,"b":[2]})"), parsed(R"({"b":[2.0],"a":1})"));
  EXPECT_NE(parsed(R"({"a":1})"), parsed(R"({"a":1,"b":null})"));
  EXPECT_NE(parsed("[1,2]"), parsed("[2,1]"));
  EXPECT_NE(Value("1"), Value(1));
  EXPECT_NE(Value(false), Value());
}

TEST(Json, ChangesInPlace) {
  Value v;
  v.set("a", 1);
  v.set("b", "x");
  v.set("a", 2);
  v.make_object().erase("b");
  EXPECT_EQ(v.dump(), R"({"a":2})");
  v.make_array().push_back(nullptr);
  EXPECT_EQ(v.dump(), "[null]");
}

rc::Gen<std::string> texts() {
  return rc::gen::map(rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 0x11000)),
                      [](const std::vector<int>& points) {
                        std::string text;
                        for (int p : points) {
                          const auto c = static_cast<unsigned>(p);
                          if (c >= 0xd800 && c < 0xe000) continue;
                          if (c < 0x80) {
                            text += static_cast<char>(c);
                          } else if (c < 0x800) {
                            text += static_cast<char>(0xc0 | c >> 6U);
                            text += static_cast<char>(0x80 | (c & 63U));
                          } else if (c < 0x10000) {
                            text += static_cast<char>(0xe0 | c >> 12U);
                            text += static_cast<char>(0x80 | (c >> 6U & 63U));
                            text += static_cast<char>(0x80 | (c & 63U));
                          } else {
                            text += static_cast<char>(0xf0 | c >> 18U);
                            text += static_cast<char>(0x80 | (c >> 12U & 63U));
                            text += static_cast<char>(0x80 | (c >> 6U & 63U));
                            text += static_cast<char>(0x80 | (c & 63U));
                          }
                        }
                        return text;
                      });
}

Value random_value(int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 7 : 5)) {
    case 0:
      return {};
    case 1:
      return *rc::gen::arbitrary<bool>();
    case 2:
      return *rc::gen::arbitrary<int64_t>();
    case 3:
      return *rc::gen::arbitrary<double>();
    case 4:
      return *texts();
    case 5: {
      Array items;
      for (int n = *rc::gen::inRange(0, 5); n > 0; --n) items.push_back(random_value(depth - 1));
      return items;
    }
    default: {
      Value out = object();
      for (int n = *rc::gen::inRange(0, 5); n > 0; --n) out.set(*texts(), random_value(depth - 1));
      return out;
    }
  }
}

RC_GTEST_PROP(Json, ComesBack, ()) {
  const Value v = random_value(4);
  RC_ASSERT(*parse(v.dump()) == v);
  RC_ASSERT(*parse(v.dump(Html::kEscaped)) == v);
  RC_ASSERT(*parse(v.pretty()) == v);
  RC_ASSERT(parse(v.dump())->dump() == v.dump());
}

RC_GTEST_PROP(Json, AnyBytesAreReadOrRefused, (const std::string& bytes)) {
  const auto value = parse(bytes);
  if (value) RC_ASSERT(*parse(value->dump()) == *value);
}

class JsonPrograms : public ProgramTest {};

TEST_F(JsonPrograms, PythonReadsAndWritesTheSame) {
  std::vector<Value> values;
  std::string lines;
  rc::check("documents", [&] {
    values.push_back(random_value(4));
    lines += values.back().dump() + "\n";
  });
  put("lines", lines);
  const std::string back = in_dir(
      "python3 -c 'import json,sys\n"
      "for line in open(\"lines\", encoding=\"utf-8\", newline=\"\\n\"):"
      " print(json.dumps(json.loads(line)))'");
  const std::vector<std::string> theirs = split(trim(back), '\n');
  ASSERT_EQ(theirs.size(), values.size());
  for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(parsed(theirs[i]), values[i]) << theirs[i];
}

}  // namespace
}  // namespace skiff::json
