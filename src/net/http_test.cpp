#include "net/http.h"

#include <gtest/gtest.h>

namespace skiff::net {
namespace {

TEST(Headers, NamesCompareWithoutCase) {
  Headers h;
  h.add("Accept", "a");
  h.add("accept", "b");
  h.add("Other", "x");
  EXPECT_EQ(h.get("ACCEPT"), "a");
  EXPECT_EQ(h.all("accept").size(), 2u);
  h.set("aCCept", "c");
  EXPECT_EQ(h.all("accept"), std::vector<std::string>{"c"});
  EXPECT_EQ(h.get("other"), "x");
  h.erase("OTHER");
  EXPECT_FALSE(h.find("other"));
}

TEST(Query, DecodesKeepsOrderAndRepeats) {
  Query q = Query::parse("t=a%2Fb&t=c+d&flag&e=&x=1%zz");
  EXPECT_EQ(q.all("t"), (std::vector<std::string>{"a/b", "c d"}));
  EXPECT_TRUE(q.has("flag"));
  EXPECT_EQ(q.get("e"), "");
  EXPECT_EQ(q.get("x"), "1%zz");
  EXPECT_EQ(Query::parse("").str(), "");
}

TEST(Query, BooleansFollowDocker) {
  Query q = Query::parse("a=1&b=0&c=False&d=no&e=none&f=&g=anything&h=true");
  for (const char* yes : {"a", "g", "h"}) EXPECT_TRUE(q.boolean(yes)) << yes;
  for (const char* no : {"b", "c", "d", "e", "f", "absent"}) EXPECT_FALSE(q.boolean(no)) << no;
  EXPECT_TRUE(q.boolean("absent", true));
}

TEST(Query, EncodingSurvivesDecoding) {
  Query q;
  q.add("filters", R"({"label":{"a=b&c":true}})").add("n", "ä +%/");
  Query back = Query::parse(q.str());
  EXPECT_EQ(back.get("filters"), q.get("filters"));
  EXPECT_EQ(back.get("n"), q.get("n"));
}

TEST(Url, MalformedEscapesStay) {
  EXPECT_EQ(url_decode("a%2"), "a%2");
  EXPECT_EQ(url_decode("%"), "%");
  EXPECT_EQ(url_decode("%41+"), "A+");
  EXPECT_EQ(url_encode("a b/~"), "a%20b%2F~");
}

}  // namespace
}  // namespace skiff::net
