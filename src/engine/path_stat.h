// A path of a container as `docker cp` means it: its directory's symlinks are followed, the
// last component's only where the path ends in "/" or "/.".
#pragma once

#include <string>

#include "engine/files.h"
#include "sys/root_dir.h"

namespace skiff::engine {

struct CpPath {
  explicit CpPath(const std::string& text);

  std::string path;  // absolute
  std::string name;  // its base name; "." for the contents of a directory, "/" for the root
  bool follow = false;
};

// kNotFound and the like as they come; the caller says which container. ENOTDIR where the path
// wants a directory and something else is there.
Result<PathStat> stat_in_tree(const sys::RootDir& root, const std::string& root_path,
                              const CpPath& path);

// st_mode in Go's os.FileMode bits.
uint32_t go_file_mode(mode_t mode);

}  // namespace skiff::engine
