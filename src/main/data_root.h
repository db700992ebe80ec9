// The directory of --root.
#pragma once

#include <filesystem>

#include "base/file.h"
#include "base/strings.h"

namespace skiff {

// Absolute. The root of the file system is refused: what lies in a data directory is the
// program's own, and there nothing could be told from the rest.
inline Result<Path> data_root(const std::string& given) {
  Path root = std::filesystem::absolute(given).lexically_normal();
  if (root.has_relative_path()) return root;
  return Error(Code::kInvalidArgument, cat("--root ", given, ": choose a directory of its own"));
}

}  // namespace skiff
