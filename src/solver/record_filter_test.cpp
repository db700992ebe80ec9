#include "solver/record_filter.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "solver/cache_record.h"

namespace skiff::solver {
namespace {

const CacheRecord kStep{.id = "abc123",
                        .parent = "fff",
                        .description = "[linux/amd64] RUN make, then \"go\"",
                        .shared = true};
const CacheRecord kMount{.id = "mount-1",
                         .description = "cache mount go",
                         .in_use = true,
                         .kind = CacheRecord::Kind::kCacheMount};

// "s" for the step, "m" for the mount.
std::string outcome(const Result<RecordFilter>& filter) {
  if (!filter) return filter.error().message();
  return cat(filter->matches(kStep) ? "s" : "", filter->matches(kMount) ? "m" : "");
}
std::string matched(const std::vector<std::string>& texts) {
  return outcome(RecordFilter::parse(texts));
}

TEST(RecordFilter, HasTheConditionsOfClients) {
  EXPECT_EQ(matched({}), "sm");
  EXPECT_EQ(matched({""}), "sm");
  EXPECT_EQ(matched({"id==abc123"}), "s");
  EXPECT_EQ(matched({"id==abc"}), "");
  EXPECT_EQ(matched({"id~=bc1"}), "s");
  EXPECT_EQ(matched({"id~=^b"}), "");
  EXPECT_EQ(matched({"id!=abc123"}), "m");
  EXPECT_EQ(matched({"type==exec.cachemount"}), "m");
  EXPECT_EQ(matched({"type~=^reg"}), "s");
  EXPECT_EQ(matched({"type==frontend"}), "");
  EXPECT_EQ(matched({"parent"}), "s");
  EXPECT_EQ(matched({"parents==fff"}), "s");
  EXPECT_EQ(matched({"inuse"}), "m");
  EXPECT_EQ(matched({"inuse==false"}), "s");
  EXPECT_EQ(matched({"inuse!=true"}), "s");
  EXPECT_EQ(matched({"shared"}), "s");
  EXPECT_EQ(matched({"private"}), "m");
  EXPECT_EQ(matched({"mutable"}), "m");
  EXPECT_EQ(matched({"immutable"}), "s");
}

TEST(RecordFilter, AllConditionsOfOneTextOrOneOfSeveral) {
  EXPECT_EQ(matched({"inuse,type==regular"}), "");
  EXPECT_EQ(matched({"inuse", "type==regular"}), "sm");
  EXPECT_EQ(matched({"inuse", ""}), "sm");
  EXPECT_EQ(matched({"description~=\"make, then \\\"g\",shared"}), "s");
  EXPECT_EQ(matched({"description~=|e, t|,id~=/^a.c\\d+$/"}), "s");
}

TEST(RecordFilter, OfTheEngineApi) {
  EXPECT_EQ(outcome(RecordFilter::of_map({})), "sm");
  EXPECT_EQ(outcome(RecordFilter::of_map({{"id", {"c12"}}})), "s");
  EXPECT_EQ(outcome(RecordFilter::of_map({{"id!", {"abc123"}}})), "m");
  EXPECT_EQ(outcome(RecordFilter::of_map({{"description~", {"make|go$"}}, {"shared", {}}})), "s");
  EXPECT_EQ(outcome(RecordFilter::of_map({{"shared", {"false"}}})), "m");
  EXPECT_EQ(outcome(RecordFilter::of_map({{"id", {"a", "b"}}})),
            "filter \"id\": it takes one value");
}

TEST(RecordFilter, RefusesByNameWhatItDoesNotKnow) {
  EXPECT_EQ(
      matched({"size==3"}),
      "filter \"size\": the fields are id, parent, type, description, inuse, shared, private, "
      "mutable and immutable");
  EXPECT_TRUE(matched({","}).starts_with("filter \"\": the fields are"));
  EXPECT_EQ(matched({"id=abc"}), "filter \"id\": it is followed by ==, != or ~=");
  EXPECT_EQ(matched({"type==regula"}), "filter \"type\": no record is of type \"regula\"");
  EXPECT_EQ(matched({"inuse==maybe"}),
            "filter \"inuse\": it holds or does not: a value is true or false");
  EXPECT_EQ(matched({"inuse~=true"}),
            "filter \"inuse\": it holds or does not: a value is true or false");
  EXPECT_TRUE(matched({"id~=("}).starts_with("filter \"id\": invalid pattern: "));
  EXPECT_EQ(matched({"id~=|abc"}), "filter \"id\": the quote | is not closed");
  EXPECT_EQ(matched({"id==\"abc\"d"}), "filter \"id\": text after the quoted value");
}

}  // namespace
}  // namespace skiff::solver
