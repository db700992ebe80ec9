#include "cli/result_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/io.h"
#include "base/strings.h"

namespace skiff::cli {

Result<> clear_result_file(const std::string& file) {
  if (file.empty()) return {};
  struct stat st{};
  const bool is_there = ::lstat(file.c_str(), &st) == 0;
  // A terminal, a pipe or a link (/dev/stdout) stays.
  if (is_there && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) return {};
  (void)TRY(open_file(file, O_WRONLY | O_CREAT, 0644));
  if (::unlink(file.c_str()) == 0) return {};
  return Error::from_errno(errno, cat("remove ", file));
}

Result<> write_result_file(const std::string& file, std::string_view text) {
  if (file.empty()) return {};
  const UniqueFd out = TRY(open_file(file, O_WRONLY | O_CREAT | O_TRUNC, 0644));
  return FdSink(out.get()).write(text).context(cat("write ", file));
}

}  // namespace skiff::cli
