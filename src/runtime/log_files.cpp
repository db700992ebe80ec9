#include "runtime/log_files.h"

#include <sys/xattr.h>

#include <array>

#include "base/strings.h"

namespace skiff::runtime {

namespace {

constexpr const char* kSequence = "user.skiff.sequence";

}  // namespace

Path rotated_log(const Path& log, int number) { return cat(log.native(), ".", number); }

Path compressed_log(const Path& log, int number) {
  return cat(rotated_log(log, number).native(), kCompressedSuffix);
}

uint64_t log_sequence(int file) {
  std::array<char, 24> text;
  const ssize_t size = ::fgetxattr(file, kSequence, text.data(), text.size());
  if (size <= 0) return 0;
  return parse_uint(std::string_view(text.data(), static_cast<size_t>(size))).value_or(0);
}

void set_log_sequence(int file, uint64_t sequence) {
  const std::string text = cat(sequence);
  // Without it a reader cannot tell whether it has missed a file, and says so.
  [[maybe_unused]] int set = ::fsetxattr(file, kSequence, text.data(), text.size(), 0);
}

}  // namespace skiff::runtime
