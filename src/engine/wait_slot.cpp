#include "engine/wait_slot.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>

#include "base/strings.h"

namespace skiff::engine {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

WaitSlot::WaitSlot(WaitCondition condition)
    : condition_(condition), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void WaitSlot::complete(Result<WaitResult> result) {
  {
    std::lock_guard lock(mutex_);
    if (result_) return;
    result_ = std::move(result);
  }
  (void)::eventfd_write(wake_.get(), 1);
}

Result<std::optional<WaitResult>> WaitSlot::wait(const CancelToken& cancel, milliseconds timeout) {
  auto deadline = steady_clock::now() + timeout;
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      if (result_) {
        if (!*result_) return result_->error();
        return std::optional<WaitResult>(**result_);
      }
    }
    TRY(cancel.check());
    int wait_ms = -1;
    if (timeout.count() >= 0) {
      auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
      if (left.count() <= 0) return std::optional<WaitResult>();
      wait_ms = static_cast<int>(std::min<int64_t>(left.count(), 60'000));
    }
    pollfd fds[] = {{wake_.get(), POLLIN, 0}, {cancel.fd(), POLLIN, 0}};
    ::poll(fds, 2, wait_ms);
  }
}

Result<WaitCondition> parse_wait_condition(std::string_view text) {
  if (text.empty() || text == "not-running") return WaitCondition::kNotRunning;
  if (text == "next-exit") return WaitCondition::kNextExit;
  if (text == "removed") return WaitCondition::kRemoved;
  return Error(Code::kInvalidArgument, cat("invalid condition: ", skiff::quoted(text)));
}

}  // namespace skiff::engine
