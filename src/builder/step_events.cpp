#include "builder/step_events.h"

namespace skiff::builder {

void StepEvents::send(int step, BuildEvent event) {
  const std::scoped_lock lock(mutex_);
  if (step > open_) {
    waiting_[step].push_back(std::move(event));
  } else {
    sink_.send(event);
  }
}

void StepEvents::flush(int step) {
  auto found = waiting_.find(step);
  if (found == waiting_.end()) return;
  for (const BuildEvent& event : found->second) sink_.send(event);
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
