// LogReader: the entries of a container's log, in order of writing, over its rotated files.
//
//   LogReader reader(path, format);
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
#include "engine/log_parts.h"
#include "engine/logs.h"
#include "runtime/log_writer.h"

namespace skiff::engine {

class LogReader {
 public:
  LogReader(Path log, runtime::LogFormat format) : log_(std::move(log)), format_(format) {}

  // Nothing to read where there is no log (yet).
  Result<> open();
  // Leaves out all but the last `count` entries.
  Result<> seek_tail(uint64_t count);
  // Leaves out what was written after byte `offset` of the file `inode`; all of it where that
  // file is no longer there. One that was open before it was compressed is.
  void stop_at(uint64_t inode, uint64_t offset);
  // The next whole entry; nullopt when there is none yet. Damaged lines of a json-file log are
  // passed over; in a local log what follows a damaged record in its file is. Where a file
  // was rotated away before refresh() met it, an entry of standard error says so.
  Result<std::optional<LogEntry>> next();
  // How many files it reads.
  size_t parts() const { return parts_.size(); }
  // Looks for files that a rotation made since.
  Result<> refresh();

 private:
  Result<LogEntry> gap_entry() const;
  Result<bool> fill();
  std::optional<LogEntry> take_entry();
  std::optional<std::string> take_line();
  std::optional<LogEntry> take_record();
  void give_back();

  Path log_;
  runtime::LogFormat format_;
  std::vector<LogPart> parts_;  // oldest first
  size_t current_ = 0;
  std::string buffer_;   // of the current part, not yet given out
  size_t consumed_ = 0;  // of buffer_
  size_t searched_ = 0;  // of buffer_, without a newline from consumed_ on
};

// One line of the log without its newline.
Result<LogEntry> parse_log_line(std::string_view line);

}  // namespace skiff::engine
