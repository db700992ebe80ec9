// StepEvents: the events of one platform, in the order of its steps, though steps of several
// stages, and those that stand on nothing, run side by side: those of a later step wait until the
// earlier ones are done.
#pragma once

#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "builder/builder.h"

namespace skiff::builder {

// The caller's sink, called by one thread at a time.
class SharedSink {
 public:
  explicit SharedSink(const EventSink& sink) : sink_(sink) {}
  void send(const BuildEvent& event) {
    const std::scoped_lock lock(mutex_);
    if (sink_) sink_(event);
  }

 private:
  const EventSink& sink_;
  std::mutex mutex_;
};

class StepEvents {
 public:
  explicit StepEvents(SharedSink& sink) : sink_(sink) {}

  void send(const StepId& step, BuildEvent event);
  // The step is over: the next one's events may pass. `last`: that has another number.
  void done(const StepId& step, bool last);
  // The build fails by this step: what it had to say passes now.
  void failed(const StepId& step);

 private:
  using Turn = std::pair<int, int>;  // number and trigger
  struct Waiting {
    std::vector<BuildEvent> events;
    size_t bytes = 0;  // of output
  };
  static Turn turn_of(const StepId& step) { return {step.number, step.trigger}; }
  void flush(Turn turn);
  SharedSink& sink_;
  std::mutex mutex_;
  Turn open_ = {1, 0};         // of the first step that is not done
  std::map<Turn, Turn> done_;  // and what comes after each
  std::map<Turn, Waiting> waiting_;
};

}  // namespace skiff::builder
