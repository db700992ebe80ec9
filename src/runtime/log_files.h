// The names of a log's files: NAME is written to; NAME.1 is the newest of the rotated ones, NAME.2
// the next. One that is compressed has .gz after that. Which of two files comes directly after the
// other tells their place in the sequence, an extended attribute: names move, and what is between
// them may be gone.
#pragma once

#include <cstdint>

#include "base/file.h"

namespace skiff::runtime {

inline constexpr const char* kCompressedSuffix = ".gz";

Path rotated_log(const Path& log, int number);
Path compressed_log(const Path& log, int number);

// The file's place in the sequence of all that the log has had, the first is 0. 0 for others too
// where the filesystem has no such attributes.
uint64_t log_sequence(int file);
void set_log_sequence(int file, uint64_t sequence);

}  // namespace skiff::runtime
