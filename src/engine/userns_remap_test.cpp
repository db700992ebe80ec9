#include "engine/userns_remap.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace skiff::engine {
namespace {

class UsernsRemap : public ::testing::Test {
 protected:
  void lend(std::string_view uids, std::string_view gids) {
    ASSERT_TRUE(write_file_durably(files_.subuid, uids));
    ASSERT_TRUE(write_file_durably(files_.subgid, gids));
  }
  sys::IdMaps maps(const std::string& text) const {
    auto found = userns_remap(text, files_);
    EXPECT_TRUE(found) << found.error().message();
    return found.value_or(std::nullopt).value_or(sys::IdMaps());
  }
  std::string refusal(const std::string& text) const {
    auto found = userns_remap(text, files_);
    return found ? "" : found.error().message();
  }

  const TempDir dir_ = TempDir::make("/tmp", "skiff-remap-").value();
  const SubordinateFiles files_{.subuid = dir_.path() / "subuid", .subgid = dir_.path() / "subgid"};
};

TEST_F(UsernsRemap, DefaultIsDockremapWithAllItsRanges) {
  lend("dockremap:100000:1000\nother:1:1\ndockremap:5000:10\n", "dockremap:200000:65536\n");
  const sys::IdMaps wanted{.uids = {{0, 100000, 1000}, {1000, 5000, 10}},
                           .gids = {{0, 200000, 65536}}};
  EXPECT_EQ(maps("default"), wanted);
  EXPECT_EQ(maps("dockremap"), wanted);
  EXPECT_TRUE(userns_remap("", files_).value() == std::nullopt);
  EXPECT_TRUE(userns_remap("root", files_).value() == std::nullopt);
  EXPECT_TRUE(userns_remap("0:0", files_).value() == std::nullopt);
}

TEST_F(UsernsRemap, GroupsAreTheGroupsOrElseTheUsers) {
  lend("daemon:100000:10\n", "daemon:200000:10\nmail:300000:10\n");
  EXPECT_EQ(maps("daemon:mail").gids, (std::vector<sys::IdMapping>{{0, 300000, 10}}));
  EXPECT_EQ(maps("daemon:tty").gids, (std::vector<sys::IdMapping>{{0, 200000, 10}}));
  // By number, too: daemon is 1 on every Linux.
  EXPECT_EQ(maps("1:1"), maps("daemon"));
}

TEST_F(UsernsRemap, WhatCannotBeIsNamed) {
  lend("dockremap:100000:10\n", "other:1:1\n");
  EXPECT_NE(refusal("default").find(cat("no line of user dockremap in ", files_.subgid.native())),
            std::string::npos);
  EXPECT_NE(refusal("nobody-like-this").find("no line of user nobody-like-this"),
            std::string::npos);
  EXPECT_NE(refusal("dockremap:no-such-group").find("no group"), std::string::npos);
  for (const char* text : {":", "a:", ":b", "a:b:c"}) {
    EXPECT_NE(refusal(text).find("is not of the form"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace skiff::engine
