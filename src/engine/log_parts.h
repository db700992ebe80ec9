// LogPart: one of the files of a container's log, open for reading; a compressed one reads as the
// plain one that it was.
#pragma once

#include <cstdint>
#include <vector>

#include "base/file.h"

namespace skiff::engine {

struct LogPart {
  UniqueFd fd;
  uint64_t inode = 0;     // not another file's while this is open
  uint64_t sequence = 0;  // runtime::log_sequence()
  bool compressed = false;
  UniqueFd plain;             // of a compressed one, once it is unpacked
  uint64_t offset = 0;        // read so far
  uint64_t end = UINT64_MAX;  // read no further
  bool after_gap = false;     // a file between the known one and it is gone already

  // Makes content() that of the plain file; `log` is where the files are.
  Result<> unpack(const Path& log);
  int content() const { return plain ? plain.get() : fd.get(); }
};

// The files of `log`, oldest first: all, or those that are newer than `known`. The first is after a
// gap where `known` is not directly before it. Where the files do not tell their sequence, it may
// be once `known` is no more among them; with one file alone that is so at every rotation, and not
// told.
Result<std::vector<LogPart>> open_log_parts(const Path& log, const LogPart* known = nullptr);

}  // namespace skiff::engine
