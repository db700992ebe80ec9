#include "runtime/replace_file.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>

#include "base/io.h"
#include "base/strings.h"

namespace skiff::runtime {

Result<> replace_file(const Path& file, std::string_view bytes) {
  const Path fresh = file.native() + ".new";
  {
    UniqueFd fd = TRY(open_file(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
    FdSink sink(fd.get());
    TRY_CONTEXT(sink.write(bytes), cat("write ", fresh.native()));
  }
  if (::rename(fresh.c_str(), file.c_str()) == 0) return {};
  return Error::from_errno(errno, cat("rename ", fresh.native()));
}

}  // namespace skiff::runtime
