// LogWriter: a container's output as the json-file log that Docker's clients and tools know
// (docs/formats/monitor.md): a line of {"log":"text\n","stream":"stdout","time":"..."} for
// each line of output, and for each 16 KiB of a longer one.
//
//   LogWriter log = TRY(LogWriter::open({.path = p, .max_bytes = 10'000'000, .max_files = 3}));
//   log.write(OutputStream::kStdout, bytes, now);   // any pieces, in any cut
//   log.end(now);                                   // a last line without newline
//
// When the disk is full, lines are lost but never torn, and the call reports it. A value
// over one file; thread-compatible.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/file.h"

namespace skiff::runtime {

enum class OutputStream { kStdout = 1, kStderr = 2 };

struct LogWriterOptions {
  Path path;
  uint64_t max_bytes = 0;  // 0: no rotation
  int max_files = 1;       // the current one included
};

class LogWriter {
 public:
  static constexpr size_t kLongestPiece = 16 << 10;

  // Goes on where an earlier run's log ends; a line torn by a crash is closed first.
  static Result<LogWriter> open(const LogWriterOptions& options);

  Result<> write(OutputStream stream, std::string_view bytes, TimePoint now);
  // Writes what waits for its newline: the output has ended.
  Result<> end(TimePoint now);

  // What write() took of `stream` and the file does not have yet.
  const std::string& pending(OutputStream stream) const { return pending_.at(index(stream)); }
  uint64_t inode() const { return inode_; }
  uint64_t size() const { return size_; }

 private:
  LogWriter() = default;
  static size_t index(OutputStream stream) { return stream == OutputStream::kStderr ? 1 : 0; }
  size_t add_pieces(OutputStream stream, std::string_view text);
  void add_line(OutputStream stream, std::string_view text);
  void note(Result<> result);
  void flush();
  Result<> rotate();
  Result<> adopt(UniqueFd file);

  LogWriterOptions options_;
  UniqueFd file_;
  uint64_t inode_ = 0;
  uint64_t size_ = 0;
  std::array<std::string, 2> pending_;
  std::string time_;  // of the call that is being served
  std::string batch_;
  Result<> failure_;  // the first of the call that is being served
};

}  // namespace skiff::runtime
