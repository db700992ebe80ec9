// The names of a log's files: NAME is written to; NAME.1 is the newest of the rotated ones, NAME.2
// the next. One that is compressed has .gz after that.
#pragma once

#include "base/file.h"

namespace skiff::runtime {

inline constexpr const char* kCompressedSuffix = ".gz";

Path rotated_log(const Path& log, int number);
Path compressed_log(const Path& log, int number);

}  // namespace skiff::runtime
