// LogWriter: a container's output in a file, with rotation: as the json-file log that Docker's
// clients and tools know (docs/formats/monitor.md), a line of
// {"log":"text\n","stream":"stdout","time":"..."} for each line of output, and for each 16 KiB
// of a longer one; or as records of the smaller `local` log (docs/formats/local-log.md).
//
//   LogWriter log = TRY(LogWriter::open({.path = p, .max_bytes = 10'000'000, .max_files = 3}));
//   log.write(OutputStream::kStdout, bytes, now);   // any pieces, in any cut
//   log.end(now);                                   // a last line without newline
//
// When the disk is full, lines are lost but never torn, and the call reports it. A value
// over one file; thread-compatible.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/file.h"
#include "runtime/line_pieces.h"
#include "runtime/log_times.h"

namespace skiff::runtime {

enum class LogFormat { kJsonFile, kLocal };

struct LogWriterOptions {
  Path path;
  uint64_t max_bytes = 0;  // 0: no rotation
  int max_files = 1;       // the current one included
  LogFormat format = LogFormat::kJsonFile;
  std::map<std::string, std::string> attributes;  // in each line of a json-file log, as "attrs"
};

class LogWriter {
 public:
  // Goes on where an earlier run's log ends; a line torn by a crash is closed first, a torn
  // record cut off.
  static Result<LogWriter> open(const LogWriterOptions& options);

  Result<> write(OutputStream stream, std::string_view bytes, TimePoint now);
  // Writes what waits for its newline: the output has ended.
  Result<> end(TimePoint now);

  // What write() took of `stream` and the file does not have yet.
  const std::string& pending(OutputStream stream) const { return pieces_.pending(stream); }
  // Bytes of memory that are kept for the next call, until give_back_memory().
  size_t kept_memory() const { return batch_.capacity() + pieces_.kept_memory(); }
  void give_back_memory();
  uint64_t inode() const { return inode_; }
  uint64_t size() const { return size_; }
  // So many files it has begun; the one that it found does not count.
  int rotations() const { return rotations_; }

 private:
  LogWriter() = default;
  Result<> mend_end();
  void add_line(OutputStream stream, std::string_view text);
  void note(Result<> result);
  void flush();
  Result<> rotate();
  Result<> adopt(UniqueFd file);

  LogWriterOptions options_;
  UniqueFd file_;
  uint64_t inode_ = 0;
  uint64_t size_ = 0;
  int rotations_ = 0;
  LinePieces pieces_;
  LogTimes times_;
  std::string attributes_;  // "", or the member with its comma
  std::string batch_;
  Result<> failure_;  // the first of the call that is being served
};

}  // namespace skiff::runtime
