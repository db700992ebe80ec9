// For tests: what another process asks of a SQLite file, or does to it.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>

#include "base/file.h"
#include "base/strings.h"

namespace skiff {

// A process opens the file, runs one statement without double quotes, commits, and is gone. The
// first value of the first row.
inline std::string run_elsewhere(const Path& file, const std::string& sql) {
  const std::string command =
      cat("python3 -c 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]);"
          " row = db.execute(sys.argv[2]).fetchone(); db.commit(); print(row[0] if row else 0)' ",
          file.native(), " \"", sql, "\"");
  FILE* out = ::popen(command.c_str(), "re");
  std::array<char, 256> line{};
  EXPECT_NE(std::fgets(line.data(), line.size(), out), nullptr) << sql;
  EXPECT_EQ(::pclose(out), 0) << sql;
  return std::string(trim(line.data()));
}

}  // namespace skiff
