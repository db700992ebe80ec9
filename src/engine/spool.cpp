#include "engine/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/strings.h"

namespace skiff::engine {

Result<Spool> Spool::make(const Path& directory, Source& from, uint64_t most) {
  UniqueFd file(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file) return Error::from_errno(errno, cat("make a file in ", directory.native()));
  return Spool(std::move(file), from, most);
}

Result<size_t> Spool::read(std::span<char> buffer) {
  if (is_again_) {
    const size_t kept = TRY(FdSource(file_.get()).read(buffer));
    return kept > 0 || buffer.empty() ? Result<size_t>(kept) : from_->read(buffer);
  }
  buffer = buffer.first(std::min<uint64_t>(buffer.size(), left_));
  if (buffer.empty()) {
    is_full_ = true;
    return Error(Code::kResourceExhausted, "the archive is longer than what is judged beforehand");
  }
  const size_t count = TRY(from_->read(buffer));
  TRY(FdSink(file_.get()).write(std::string_view(buffer.data(), count)));
  left_ -= count;
  return count;
}

Result<> Spool::rewind() {
  if (::lseek(file_.get(), 0, SEEK_SET) != 0) return Error::from_errno(errno, "rewind");
  is_again_ = true;
  return {};
}

}  // namespace skiff::engine
