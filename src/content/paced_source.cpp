#include "content/paced_source.h"

#include <poll.h>

#include <algorithm>

namespace skiff::content {

Result<> pause(std::chrono::nanoseconds time, const CancelToken& cancel) {
  using std::chrono::milliseconds;
  const auto end = std::chrono::steady_clock::now() + time;
  for (;;) {
    TRY(cancel.check());
    const auto left = std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now());
    if (left <= milliseconds(0)) return {};
    pollfd cancelled{.fd = cancel.fd(), .events = POLLIN};  // a negative one is passed over
    ::poll(&cancelled, 1, static_cast<int>(std::min(left, milliseconds(1'000'000)).count()));
  }
}

Result<> Pace::wait(uint64_t total, const CancelToken& cancel) const {
  if (rate_ == 0) return cancel.check();
  const std::chrono::duration<double> due(static_cast<double>(total) / static_cast<double>(rate_));
  const auto passed = std::chrono::steady_clock::now() - start_;
  return pause(std::chrono::duration_cast<std::chrono::nanoseconds>(due - passed), cancel);
}

Result<size_t> PacedSource::read(std::span<char> buffer) {
  TRY(cancel_.check());
  // A tenth of a second at a time: a slow rate is no burst and a pause.
  const uint64_t most =
      pace_.rate() == 0 ? buffer.size() : std::max<uint64_t>(pace_.rate() / 10, 1);
  const size_t n = TRY(from_.read(buffer.first(std::min<uint64_t>(buffer.size(), most))));
  total_ += n;
  TRY(pace_.wait(total_, cancel_));
  return n;
}

}  // namespace skiff::content
