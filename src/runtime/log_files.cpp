#include "runtime/log_files.h"

#include "base/strings.h"

namespace skiff::runtime {

Path rotated_log(const Path& log, int number) { return cat(log.native(), ".", number); }

Path compressed_log(const Path& log, int number) {
  return cat(rotated_log(log, number).native(), kCompressedSuffix);
}

}  // namespace skiff::runtime
