#include "s3/xml.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace skiff::s3 {
namespace {

TEST(Xml, ElementsAndTextAreRead) {
  const auto root = parse_xml(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- of a bucket -->\n"
      "<s3:List xmlns:s3='http://s3/'><Key a=\"1>2\">a&amp;b &#228;&#x1F600;</Key>\n"
      "<Empty/><Key>second</Key><In><Deep>x</Deep></In></s3:List>\n");
  ASSERT_TRUE(root) << root.error().message();
  EXPECT_EQ(root->name, "List");
  EXPECT_EQ(root->get("Key"), "a&b \xc3\xa4\xf0\x9f\x98\x80");
  EXPECT_EQ(root->all("Key").size(), 2U);
  EXPECT_EQ(root->all("In").at(0)->get("Deep"), "x");
  EXPECT_EQ(root->get("Empty"), "");
  EXPECT_EQ(root->get("Missing"), "");
}

TEST(Xml, WhatIsNoneIsRefusedWithItsPlace) {
  for (const char* text : {"", "text", "<a>", "<a></b>", "<a", "<a b></a>", "<a b=c></a>",
                           "<a>&nbsp;</a>", "<a>&#0;</a>", "<a>&amp</a>", "<a/><b/>",
                           "<!DOCTYPE a><a/>", "<a><![CDATA[x]]></a>", "<a b='></a>", "<></>"}) {
    const auto parsed = parse_xml(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_TRUE(parsed.error().message().starts_with("XML, byte ")) << text;
  }
}

TEST(Xml, DepthIsBounded) {
  const auto nested = [](int depth) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += "<a>";
    for (int i = 0; i < depth; ++i) text += "</a>";
    return text;
  };
  EXPECT_TRUE(parse_xml(nested(16)));
  EXPECT_FALSE(parse_xml(nested(17)));
  EXPECT_FALSE(parse_xml(nested(100'000)));
}

TEST(Xml, WhatIsEscapedIsReadBack) {
  const std::string text = "a<b>&\"'\xc3\xa4\r\n";
  EXPECT_EQ(parse_xml(cat("<t>", escape_xml(text), "</t>"))->text, text);
}

}  // namespace
}  // namespace skiff::s3
