#include "content/paced_source.h"

#include <poll.h>

namespace skiff::content {

Result<size_t> PacedSource::read(std::span<char> buffer) {
  TRY(cancel_.check());
  if (rate_ == 0) return from_.read(buffer);
  // A tenth of a second at a time, so that a slow rate is no burst and a pause.
  const size_t n = TRY(
      from_.read(buffer.first(std::min<size_t>(buffer.size(), std::max<uint64_t>(rate_ / 10, 1)))));
  total_ += n;
  const auto due =
      start_ +
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(
          std::chrono::duration<double>(static_cast<double>(total_) / static_cast<double>(rate_)));
  const auto ahead =
      std::chrono::duration_cast<std::chrono::milliseconds>(due - std::chrono::steady_clock::now());
  if (n > 0 && ahead.count() > 0) {
    pollfd cancelled{.fd = cancel_.fd(), .events = POLLIN};
    ::poll(&cancelled, 1, static_cast<int>(ahead.count()));  // a negative fd is ignored
    TRY(cancel_.check());
  }
  return n;
}

}  // namespace skiff::content
