#include "registry/precondition.h"

#include <gtest/gtest.h>

namespace skiff::registry {
namespace {

TEST(EntityTagField, IsAStarOrAList) {
  EXPECT_TRUE(parse_entity_tags(" * ")->any);
  const auto list = parse_entity_tags(R"( "a",W/"b" ,, "c,d",)");
  ASSERT_TRUE(list);
  EXPECT_FALSE(list->any);
  EXPECT_EQ(list->strong, (std::vector<std::string>{"a", "c,d"}));
  EXPECT_EQ(list->weak, std::vector<std::string>{"b"});
  EXPECT_EQ(parse_entity_tags("\"\"")->strong, std::vector<std::string>{""});
}

TEST(EntityTagField, IsRefusedOtherwise) {
  for (const char* bad : {"", ",", "a", "\"a", "a\"", "\"a\" \"b\"", "\"a\"\"b\"", "*, \"a\"",
                          "\"a\", *", "w/\"a\"", "W/a", "W/", "\"a b\"", "\"a\x7f\""}) {
    EXPECT_FALSE(parse_entity_tags(bad)) << bad;
  }
}

TEST(Precondition, HoldsAsTheStandardSays) {
  const EntityTags star{.any = true};
  const EntityTags strong{.strong = {"x", "d"}};
  const EntityTags weak{.weak = {"d"}};
  struct Case {
    Precondition condition;
    std::optional<std::string> current;
    bool holds;
  };
  const Case cases[] = {
      {{}, {}, true},
      {{}, "d", true},
      {{.match = star}, "d", true},
      {{.match = star}, {}, false},
      {{.match = strong}, "d", true},
      {{.match = strong}, "e", false},
      {{.match = strong}, {}, false},
      {{.match = weak}, "d", false},
      {{.none_match = star}, {}, true},
      {{.none_match = star}, "d", false},
      {{.none_match = strong}, "d", false},
      {{.none_match = strong}, "e", true},
      {{.none_match = strong}, {}, true},
      {{.none_match = weak}, "d", false},
      {{.match = strong, .none_match = weak}, "d", false},
      {{.match = strong, .none_match = weak}, "x", true},
  };
  for (size_t i = 0; i < std::size(cases); ++i) {
    EXPECT_EQ(cases[i].condition.holds(cases[i].current), cases[i].holds) << i;
  }
}

}  // namespace
}  // namespace skiff::registry
