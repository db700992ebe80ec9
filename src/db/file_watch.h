// FileWatch: whether the files of an open SQLite database are still those at their paths.
//
//   const FileWatch files(root / "registry.db");   // once the database is open
//   TRY(files.check());                            // before a commit
//
// What is committed to a file that was removed, moved away or covered by another is gone with the
// last who has it open, and nobody who opens the path sees it meanwhile: SQLite notices nothing of
// that. The write-ahead log and its index are such files, too. Costs a stat(2) for each of the
// three.
#pragma once

#include <sys/types.h>

#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace skiff {

// A value; thread-safe.
class FileWatch {
 public:
  FileWatch() = default;  // of no files: nothing is ever wrong with it
  // Of those that are there now; the database is open, so that they stay what they are.
  explicit FileWatch(const Path& database);

  // kUnavailable, with what happened and what to do. A file that comes back to its path is the
  // same.
  Result<> check() const;

 private:
  struct Known {
    Path path;
    dev_t device = 0;
    ino_t inode = 0;
  };
  std::vector<Known> files_;
};

}  // namespace skiff
