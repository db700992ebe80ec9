// LogCompressor: the rotated files of a container's log, made small one after the other by a
// process of their own: neither the container's output nor this small process waits for it.
//
//   LogCompressor compressor(log, max_files, report);
//   compressor.begin();                         // with what an earlier monitor left
//   compressor.follow(writer.rotations());      // has LogWriter begun a new file?
//   if (compressor.child_ended(pid, code)) ...  // one is done, the next begins
//
// Only this process renames a log's files, so it is here that the result gets its name: the number
// that the file has by then. At the end of its scope the child is killed; what is not compressed
// yet stays as it is, for the next monitor. Thread-compatible.
#pragma once

#include <functional>
#include <span>

#include "base/file.h"

namespace skiff::runtime {

// The name of our own program as the child.
inline constexpr const char* kLogCompressorName = "skiff-log-compressor";

class LogCompressor {
 public:
  LogCompressor(Path log, int max_files, std::function<void(const Result<>&)> report);
  ~LogCompressor();
  LogCompressor(const LogCompressor&) = delete;
  LogCompressor& operator=(const LogCompressor&) = delete;

  // Whenever a run begins.
  void begin();
  // So many times the log has been rotated while this lives.
  void follow(int rotations);
  // False when the child is not its own.
  bool child_ended(int pid, int code);

 private:
  void look();
  Result<> start(int number);
  Result<> finish(int code);
  Path unfinished() const;

  Path log_;
  int max_files_;
  std::function<void(const Result<>&)> report_;
  int child_ = 0;
  int number_ = 0;  // of the file that is being compressed
  int rotations_ = 0;
};

// The child: standard input, compressed, to standard output. Returns its exit code.
int compress_log();

}  // namespace skiff::runtime
