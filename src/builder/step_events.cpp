#include "builder/step_events.h"

#include <utility>

namespace skiff::builder {

namespace {

// What a step prints while an earlier one runs is kept until then, as far as that.
constexpr size_t kMostWaiting = size_t{2} << 20U;

}  // namespace

void StepEvents::send(int step, BuildEvent event) {
  const std::scoped_lock lock(mutex_);
  if (step <= open_) return sink_.send(event);
  Waiting& waiting = waiting_[step];
  if (auto* output = std::get_if<StepOutput>(&event)) {
    const size_t before = std::exchange(waiting.bytes, waiting.bytes + output->bytes.size());
    if (before > kMostWaiting) return;
    if (waiting.bytes > kMostWaiting) output->bytes = "[more than 2 MiB of output: not shown]\n";
  }
  waiting.events.push_back(std::move(event));
}

void StepEvents::flush(int step) {
  auto found = waiting_.find(step);
  if (found == waiting_.end()) return;
  for (const BuildEvent& event : found->second.events) sink_.send(event);
  waiting_.erase(found);
}

void StepEvents::done(int step) {
  const std::scoped_lock lock(mutex_);
  done_.insert(step);
  while (done_.erase(open_) != 0) flush(++open_);
}

void StepEvents::failed(int step) {
  const std::scoped_lock lock(mutex_);
  flush(step);
}

}  // namespace skiff::builder
