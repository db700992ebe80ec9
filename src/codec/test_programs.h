// For tests: other programs as oracles, run through the shell.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "base/file.h"
#include "base/strings.h"

namespace skiff {

// What `command` prints; it must succeed.
inline std::string shell(const std::string& command) {
  FILE* pipe = ::popen(cat("set -e; ", command).c_str(), "re");
  std::string out;
  char buffer[65536];
  while (size_t n = ::fread(buffer, 1, sizeof buffer, pipe)) out.append(buffer, n);
  EXPECT_EQ(::pclose(pipe), 0) << command;
  return out;
}

class ProgramTest : public testing::Test {
 protected:
  Path path(std::string_view name) const { return dir_.path() / name; }
  // A file in the test's own directory.
  std::string put(std::string_view name, std::string_view bytes) const {
    EXPECT_TRUE(write_file(path(name), bytes));
    return path(name).native();
  }
  std::string get(std::string_view name) const {
    auto bytes = read_file(path(name), size_t{256} << 20U);
    EXPECT_TRUE(bytes) << bytes.error().message();
    return bytes ? *bytes : "";
  }
  // `command` in the test's own directory.
  std::string in_dir(const std::string& command) const {
    return shell(cat("cd ", dir_.path().native(), "; ", command));
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-codec-");
};

}  // namespace skiff
