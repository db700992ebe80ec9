#include "db/file_watch.h"

#include <sys/stat.h>

#include "base/strings.h"

namespace skiff {

FileWatch::FileWatch(const Path& database) {
  for (const char* suffix : {"", "-wal", "-shm"}) {
    Path path = database.native() + suffix;
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) continue;
    files_.push_back({std::move(path), status.st_dev, status.st_ino});
  }
}

Result<> FileWatch::check() const {
  for (const Known& file : files_) {
    struct stat status{};
    const bool is_there = ::stat(file.path.c_str(), &status) == 0;
    if (is_there && status.st_dev == file.device && status.st_ino == file.inode) continue;
    return Error(Code::kUnavailable,
                 cat(file.path.native(), is_there ? " is another file than" : " is gone that",
                     " this server has open: it was ", is_there ? "replaced" : "removed",
                     " meanwhile. Stop the server, see that the database is the one you want (from "
                     "a backup), and start it again"));
  }
  return {};
}

}  // namespace skiff
