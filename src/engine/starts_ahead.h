// StartsAhead: the starts of containers that were just created, made ahead (docs/decisions/013).
// Most containers are started right after they are created; what of a start needs neither its
// network nor its clients is done in between.
//
//   StartsAhead ahead(core);
//   ahead.offer(container);   // was created; the rest goes on on a thread of its own
//   ...                       // its start goes on from there; any other operation takes it back
//   ahead.go_on();            // a start was made: there may be room for the next
//
// A few at a time, each for a few seconds: a container that waits longer is as if nobody had
// prepared it. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "engine/core.h"

namespace skiff::engine {

class StartsAhead {
 public:
  explicit StartsAhead(Core& core);
  ~StartsAhead() { close(); }
  StartsAhead(const StartsAhead&) = delete;
  StartsAhead& operator=(const StartsAhead&) = delete;

  // Where it is one of those whose start may be made ahead.
  void offer(const std::shared_ptr<Container>& container);
  void go_on();
  // Takes back what nobody has used; nothing is prepared from then on.
  void close();

 private:
  using Clock = std::chrono::steady_clock;
  struct Offer {
    std::weak_ptr<Container> container;
    Clock::time_point until;
    std::weak_ptr<PreparedStart> start;
  };

  void work();
  // What is to be done now, without the lock.
  std::optional<Offer> next_to_drop();
  std::optional<Offer> next_to_prepare();
  void prepare(Offer offer);

  Core& core_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Offer> offered_;
  std::deque<Offer> kept_;
  bool ending_ = false;
  std::thread thread_;  // last: works on all of the above
};

}  // namespace skiff::engine
