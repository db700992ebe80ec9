#include "builder/step_events.h"

namespace skiff::builder {

namespace {

// What a step prints while an earlier one runs is kept until then, as far as that.
constexpr size_t kMostWaiting = size_t{2} << 20U;

}  // namespace

void StepEvents::send(const StepId& step, BuildEvent event) {
  const std::scoped_lock lock(mutex_);
  if (turn_of(step) <= open_) return sink_.send(event);
  Waiting& waiting = waiting_[turn_of(step)];
  if (auto* output = std::get_if<StepOutput>(&event)) {
    const size_t before = std::exchange(waiting.bytes, waiting.bytes + output->bytes.size());
    if (before > kMostWaiting) return;
    if (waiting.bytes > kMostWaiting) output->bytes = "[more than 2 MiB of output: not shown]\n";
  }
  waiting.events.push_back(std::move(event));
}

void StepEvents::flush(Turn turn) {
  auto found = waiting_.find(turn);
  if (found == waiting_.end()) return;
  for (const BuildEvent& event : found->second.events) sink_.send(event);
  waiting_.erase(found);
}

void StepEvents::done(const StepId& step, bool last) {
  const std::scoped_lock lock(mutex_);
  done_[turn_of(step)] = last ? Turn(step.number + 1, 0) : Turn(step.number, step.trigger + 1);
  for (auto found = done_.find(open_); found != done_.end(); found = done_.find(open_)) {
    open_ = found->second;
    done_.erase(found);
    flush(open_);
  }
}

void StepEvents::failed(const StepId& step) {
  const std::scoped_lock lock(mutex_);
  flush(turn_of(step));
}

}  // namespace skiff::builder
