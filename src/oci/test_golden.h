// For tests: data files with their expected results beside them.
//
//   check_golden("tests/golden/manifests", ".json", 10, [](std::string_view text) {
//     return describe(text);
//   });
//
// Each DIRECTORY/NAME.json is handed to the function; what it returns must be the text of
// DIRECTORY/NAME.expect. SKIFF_ACCEPT_GOLDEN=1 writes those files anew.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>

#include "base/file.h"

namespace skiff::oci {

inline void check_golden(const Path& directory, std::string_view extension, int at_least,
                         const std::function<std::string(std::string_view)>& show) {
  const bool accept = std::getenv("SKIFF_ACCEPT_GOLDEN") != nullptr;
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() != extension) continue;
    SCOPED_TRACE(entry.path().string());
    ++count;
    const std::string shown = show(read_file(entry.path()).value());
    const Path expected = Path(entry.path()).replace_extension(".expect");
    if (accept) std::ofstream(expected) << shown;
    EXPECT_EQ(shown, read_file(expected).value_or("(no .expect file)"));
  }
  EXPECT_GE(count, at_least);
}

}  // namespace skiff::oci
