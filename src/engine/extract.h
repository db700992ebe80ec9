// An archive into a tree of files: `docker cp` into a container.
//
//   TRY(check_archive(root, "/tmp", spool, options));   // would it go in?
//   TRY(extract_tree(root, "/tmp", again, options));
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/io.h"
#include "engine/id_shift.h"
#include "sys/root_dir.h"

namespace skiff::engine {

struct ExtractOptions {
  bool refuse_type_change = false;
  std::optional<std::pair<uint32_t, uint32_t>> owner = {};  // uid and gid of every entry
  IdShift ids = {};  // the archive's owners, and that one, are those inside of it
};

// Reads the whole of `tar` and refuses, by the same rules and in the same words, what
// extract_tree() would refuse part-way; writes nothing. What only writing can show (a full disk, a
// mount in the tree that is read-only) it does not see.
Result<> check_archive(const sys::RootDir& root, const std::string& directory, Source& tar,
                       const ExtractOptions& options);

// Unpacks into `directory` of `root`. Symlinks of the tree resolve inside `root`; an entry
// whose name leads out of `directory` is refused (kInvalidArgument).
Result<> extract_tree(const sys::RootDir& root, const std::string& directory, Source& tar,
                      const ExtractOptions& options);

}  // namespace skiff::engine
