// LogReader: the entries of a container's log, in order of writing, over its rotated files.
//
//   LogReader reader(path);
//   TRY(reader.open());
//   TRY(reader.seek_tail(10));
//   while (auto entry = TRY(reader.next())) use(*entry);
//   ...                                     // later: refresh(), and next() goes on
//
// Holds every file open: a rotation while it reads costs no line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "engine/logs.h"

namespace skiff::engine {

class LogReader {
 public:
  explicit LogReader(Path log) : log_(std::move(log)) {}

  // Nothing to read where there is no log (yet).
  Result<> open();
  // Leaves out all but the last `count` entries.
  Result<> seek_tail(uint64_t count);
  // Leaves out what was written after byte `offset` of the file `inode`; all of it where that
  // file is no longer there.
  void stop_at(uint64_t inode, uint64_t offset);
  // The next whole line; nullopt when there is none yet. Damaged lines are passed over.
  Result<std::optional<LogEntry>> next();
  // How many files it reads.
  size_t parts() const { return parts_.size(); }
  // Looks for files that a rotation made since.
  Result<> refresh();

 private:
  struct Part {
    UniqueFd fd;
    uint64_t inode = 0;
    uint64_t offset = 0;        // read so far
    uint64_t end = UINT64_MAX;  // read no further
  };
  Result<std::vector<Part>> open_parts(uint64_t known_inode) const;
  Result<bool> fill();
  std::optional<std::string> take_line();

  Path log_;
  std::vector<Part> parts_;  // oldest first
  size_t current_ = 0;
  std::string buffer_;   // of the current part, not yet given out
  size_t consumed_ = 0;  // of buffer_
  size_t searched_ = 0;  // of buffer_, without a newline from consumed_ on
};

// One line of the log without its newline.
Result<LogEntry> parse_log_line(std::string_view line);

}  // namespace skiff::engine
