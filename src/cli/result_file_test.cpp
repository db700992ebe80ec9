#include "cli/result_file.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace skiff::cli {
namespace {

class ResultFile : public ::testing::Test {
 protected:
  std::string path(const char* name) const { return (dir_.path() / name).string(); }
  TempDir dir_ = *TempDir::make("/tmp", "skiff-result-file-test-");
};

TEST_F(ResultFile, LeavesNothingUntilItIsWritten) {
  ASSERT_TRUE(clear_result_file(path("id")));
  EXPECT_FALSE(std::filesystem::exists(path("id")));
  ASSERT_TRUE(write_result_file(path("id"), "sha256:1"));
  EXPECT_EQ(read_file(path("id")).value(), "sha256:1");
  ASSERT_TRUE(clear_result_file(path("id")));
  EXPECT_FALSE(std::filesystem::exists(path("id"))) << "an earlier one's result";
  EXPECT_TRUE(clear_result_file(""));
  EXPECT_TRUE(write_result_file("", "x"));
}

TEST_F(ResultFile, ThatCannotBeIsToldFirst) {
  for (const std::string& bad : {path("none/id"), dir_.path().string()}) {
    const Result<> cleared = clear_result_file(bad);
    ASSERT_FALSE(cleared) << bad;
    EXPECT_NE(cleared.error().message().find(bad), std::string::npos) << cleared.error().message();
  }
}

TEST_F(ResultFile, WhatIsNoFileStays) {
  std::filesystem::create_symlink("/dev/null", path("link"));
  ASSERT_TRUE(clear_result_file(path("link")));
  EXPECT_TRUE(std::filesystem::is_symlink(path("link")));
}

}  // namespace
}  // namespace skiff::cli
