#include "base/cancellation.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>

#include "base/unique_fd.h"

namespace skiff {

struct CancelToken::State {
  std::atomic<bool> cancelled = false;
  UniqueFd event{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
};

bool CancelToken::cancelled() const { return state_ && state_->cancelled; }

int CancelToken::fd() const { return state_ ? state_->event.get() : -1; }

Result<> CancelToken::check() const {
  if (cancelled()) return Error(Code::kCancelled, "cancelled");
  return {};
}

CancelSource::CancelSource() : state_(std::make_shared<CancelToken::State>()) {}

void CancelSource::cancel() const {
  // Who sees it may let this source go.
  const std::shared_ptr<CancelToken::State> state = state_;
  state->cancelled = true;
  const uint64_t one = 1;
  // An eventfd write of 1 fails only when the counter is full: it is readable then already.
  [[maybe_unused]] ssize_t n = ::write(state->event.get(), &one, sizeof one);
}

}  // namespace skiff
