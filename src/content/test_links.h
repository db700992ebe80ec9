// For tests: a file that can have no more hard links.
#pragma once

#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/strings.h"

namespace skiff::content {

// Links `file` until the system refuses (EMLINK: 65,000 times on ext4); they go with this.
class AllLinksTaken {
 public:
  explicit AllLinksTaken(const Path& file)
      : dir_(*TempDir::make(file.parent_path().parent_path().parent_path(), "links-")) {
    constexpr int kMore = 70'000;
    for (int i = 0; i < kMore && !all_taken_; ++i) {
      const Path link = dir_.path() / std::to_string(i);
      all_taken_ = ::link(file.c_str(), link.c_str()) != 0 && errno == EMLINK;
    }
  }
  // False where the file system's limit is too far away.
  bool all_taken() const { return all_taken_; }

 private:
  TempDir dir_;
  bool all_taken_ = false;
};

}  // namespace skiff::content
