#include "manage/redaction.h"

#include <gtest/gtest.h>

namespace skiff::manage {
namespace {

TEST(Redaction, OfAUrlThePlaceIsLeft) {
  const std::pair<const char*, const char*> cases[] = {
      {"https://x.example/a", "https://x.example/a"},
      {"https://usr:PW@x.example:5000/a", "https://x.example:5000/a"},
      {"https://PW@x.example", "https://x.example"},
      {"https://x.example/a?key=PW#PW", "https://x.example/a"},
      // A password with what should be escaped.
      {"https://usr:PW@PW@x.example", "https://x.example"},
      {"https://usr:PW/PW@x.example/a", "https://x.example/a"},
      {"https://usr:PW?PW@x.example", "https://x.example"},
      {"https://usr:PW#PW@x.example", "https://x.example"},
      {"usr:PW@x.example", "x.example"},
      {"hooks.example.com/x?token=SECRET", "hooks.example.com/x"},
      // What is no URL.
      {"acme/v?", "acme/v?"},
      {"/etc/skiff/hub", "/etc/skiff/hub"},
      {"team:acme/devs", "team:acme/devs"},
      {"acme/web@sha256:00", "acme/web@sha256:00"},
      {"", ""},
  };
  for (const auto& [given, told] : cases) EXPECT_EQ(without_secrets(std::string(given)), told);
}

TEST(Redaction, OfAValueEachTextIsJudged) {
  const json::Value value = *json::parse(
      R"({"url":"https://u:PW@a.example","list":["https://u:PW@b.example",{"secret":"PW"}],"n":1})");
  EXPECT_EQ(without_secrets(value).dump(),
            R"({"url":"https://a.example","list":["https://b.example",{"secret":"***"}],"n":1})");
}

}  // namespace
}  // namespace skiff::manage
