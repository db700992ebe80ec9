#include "cli/image_annotation.h"

#include <gtest/gtest.h>

namespace skiff::cli {
namespace {

TEST(ImageAnnotation, TheIndexIsMeantWithoutAKind) {
  for (const std::string text : {"a.b=c=d", "index:a.b=c=d"}) {
    const auto parsed = parse_annotation(text);
    ASSERT_TRUE(parsed) << parsed.error().message();
    EXPECT_FALSE(parsed->of_descriptors);
    EXPECT_EQ(parsed->key, "a.b");
    EXPECT_EQ(parsed->value, "c=d");
  }
}

TEST(ImageAnnotation, EntriesOfAPlatform) {
  const auto arm = json::parse(R"({"platform":{"os":"linux","architecture":"arm64"}})");
  const auto amd = json::parse(R"({"platform":{"os":"linux","architecture":"amd64"}})");
  const auto all = parse_annotation("manifest-descriptor:k=v");
  ASSERT_TRUE(all);
  EXPECT_TRUE(all->applies_to(*arm));
  EXPECT_TRUE(all->applies_to(*amd));
  const auto one = parse_annotation("manifest-descriptor[linux/arm64]:k=v");
  ASSERT_TRUE(one) << one.error().message();
  EXPECT_TRUE(one->applies_to(*arm));
  EXPECT_FALSE(one->applies_to(*amd));
  EXPECT_FALSE(one->applies_to(json::object()));
}

TEST(ImageAnnotation, OtherKindsAreRefused) {
  for (const std::string text : {"manifest:a=b", "bogus:a=b", "index[linux/arm64]:a=b",
                                 "manifest-descriptor[linux/arm64:a=b", "a", "=b", "index:=b"}) {
    EXPECT_FALSE(parse_annotation(text)) << text;
  }
}

}  // namespace
}  // namespace skiff::cli
