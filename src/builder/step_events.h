// StepEvents: the events of one platform, in the order of its steps, though steps of several
// stages run side by side: those of a later step wait until the earlier ones are done.
#pragma once

#include <map>
#include <mutex>
#include <set>
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

  void send(int step, BuildEvent event);
  // The step is over: the next one's events may pass.
  void done(int step);
  // The build fails by this step: what it had to say passes now.
  void failed(int step);

 private:
  struct Waiting {
    std::vector<BuildEvent> events;
    size_t bytes = 0;  // of output
  };
  void flush(int step);
  SharedSink& sink_;
  std::mutex mutex_;
  int open_ = 1;  // the first step that is not done
  std::set<int> done_;
  std::map<int, Waiting> waiting_;
};

}  // namespace skiff::builder
