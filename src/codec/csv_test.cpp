#include "codec/csv.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/strings.h"

namespace skiff {
namespace {

using Words = std::vector<std::string>;

TEST(Csv, FieldsStandBetweenCommas) {
  EXPECT_EQ(*parse_csv("a=1,b"), (Words{"a=1", "b"}));
  EXPECT_EQ(*parse_csv("\"a=1,2\",b"), (Words{"a=1,2", "b"}));
  EXPECT_EQ(*parse_csv("\"say \"\"x\"\"\""), (Words{"say \"x\""}));
  EXPECT_EQ(*parse_csv(""), (Words{""}));
  EXPECT_EQ(*parse_csv("a,,b,"), (Words{"a", "", "b", ""}));
}

// Columns are those of Go 1.24's encoding/csv.
TEST(Csv, QuotesAreJudged) {
  const std::string bare = "bare \" in non-quoted field";
  const std::string bad = "extraneous or missing \" in quoted-field";
  const std::vector<std::tuple<std::string, int, std::string>> cases = {
      {"a=\"1\"", 3, bare}, {"a,b\"", 4, bare}, {"\"a", 3, bad},
      {"\"", 2, bad},       {"\"a\"b", 3, bad}, {"a,\"b\"\"", 7, bad}};
  for (const auto& [line, column, why] : cases) {
    const auto fields = parse_csv(line);
    ASSERT_FALSE(fields) << line;
    EXPECT_EQ(fields.error().message(), cat("parse error on line 1, column ", column, ": ", why));
  }
}

RC_GTEST_PROP(Csv, QuotedFieldsComeBack, ()) {
  const auto fields = *rc::gen::nonEmpty<Words>();
  Words quoted;
  for (const auto& field : fields) {
    quoted.push_back(cat("\"", replace_all(field, "\"", "\"\""), "\""));
  }
  RC_ASSERT(*parse_csv(join(quoted, ",")) == fields);
}

}  // namespace
}  // namespace skiff
