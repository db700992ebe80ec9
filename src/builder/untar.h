// Untar: unpacks an archive that nobody trusts below a directory of a tree: build contexts,
// and what ADD extracts. Each entry is resolved inside the tree's root.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/cancellation.h"
#include "base/io.h"
#include "sys/root_dir.h"

namespace skiff::builder {

struct UntarOptions {
  // Of all entries; without it those of the archive, or 0:0 where they are not kept.
  std::optional<std::pair<uid_t, gid_t>> owner;
  bool keep_owners = false;
  bool devices = false;  // allowed
};

// Names with ".." are refused (kInvalidArgument); a leading '/' means nothing.
Result<> untar(Source& tar, const sys::RootDir& root, const std::string& directory,
               const UntarOptions& options, const CancelToken& cancel);

// Whether the file, compressed or not, is a tar archive.
Result<bool> is_archive(int fd);

}  // namespace skiff::builder
