#include "dockerfile/mode_change.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace skiff::dockerfile {
namespace {

struct Case {
  const char* text;
  mode_t before;
  bool directory;
  mode_t after;
};

TEST(ModeChange, TheTableOfForms) {
  const std::vector<Case> cases = {
      {"755", 0600, false, 0755},        {"0644", 0777, true, 0644},
      {"4755", 0, false, 04755},         {"u=rwX,go=rX", 0600, false, 0644},
      {"u=rwX,go=rX", 0600, true, 0755}, {"u=rwX,go=rX", 0100, false, 0755},
      {"+x", 0644, false, 0755},         {"a+x", 0644, false, 0755},
      {"go-rwx", 0777, false, 0700},     {"g=u", 0640, false, 0660},
      {"o=", 0777, false, 0770},         {"u+s,g+s", 0755, false, 06755},
      {"+t", 0777, true, 01777},         {"=r", 0777, false, 0444},
      {"u=rw-x+x", 0000, false, 0700},   {"u-x+X", 0711, false, 0711},
      {"go=rX", 02700, true, 02755},
  };
  for (const Case& one : cases) {
    auto change = ModeChange::parse(one.text);
    ASSERT_TRUE(change) << one.text << ": " << change.error().message();
    EXPECT_EQ(change->apply(one.before, one.directory), one.after) << one.text;
  }
}

TEST(ModeChange, OnlyOctalIsTheSameForAll) {
  EXPECT_TRUE(ModeChange::parse("600")->absolute());
  EXPECT_FALSE(ModeChange::parse("u=rw")->absolute());
}

TEST(ModeChange, NonsenseIsNamed) {
  for (const char* text : {"", "8", "99", "10000", "0x1", "u", "rw", "u=q", "u=rw,", "u~r", "7a"}) {
    auto change = ModeChange::parse(text);
    ASSERT_FALSE(change) << text;
    EXPECT_NE(change.error().message().find("invalid chmod parameter"), std::string::npos);
  }
}

}  // namespace
}  // namespace skiff::dockerfile
