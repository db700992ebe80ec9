// For tests: the program of the build that the test belongs to.
#pragma once

#include <filesystem>

#include "base/file.h"

namespace skiff::runtime::test {

inline Path runtime_program() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() /
         "bin/skiff-runtime";
}

}  // namespace skiff::runtime::test
