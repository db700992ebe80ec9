// EventLoop: one epoll, handlers by descriptor, and timers: all that the monitor waits on.
//
//   loop.add(fd, EPOLLIN, [&](uint32_t events) { ... });
//   uint64_t timer = loop.call_after(2s, [&] { ... });
//   loop.run();                                  // until a handler calls loop.stop(); may be
//   called again
//
// A handler may add, change and remove any descriptor, its own as well. Not thread-safe.
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skiff::runtime {

using SteadyTime = std::chrono::steady_clock::time_point;

class EventLoop {
 public:
  using Handler = std::function<void(uint32_t events)>;

  Result<> open();
  // `events` may be 0: EPOLLHUP and EPOLLERR are told all the same.
  Result<> add(int fd, uint32_t events, Handler handler);
  // An unknown `fd` is left alone.
  void change(int fd, uint32_t events);
  // Tells nothing of `fd`, also no hang-up, until change() asks again.
  void suspend(int fd);
  // Before `fd` is closed.
  void remove(int fd);

  uint64_t call_after(std::chrono::milliseconds delay, std::function<void()> action);
  void cancel_call(uint64_t id);

  void run();
  void stop() { stopped_ = true; }

 private:
  struct Watch {
    Handler handler;
    uint32_t generation = 0;  // tells it from a later one with the same descriptor number
    uint32_t events = 0;
    bool suspended = false;
  };
  int wait_ms() const;
  bool control(int operation, int fd, const Watch& watch) const;
  void dispatch(uint64_t key, uint32_t events);
  void run_due_calls();

  UniqueFd epoll_;
  std::map<int, std::shared_ptr<Watch>> watches_;
  // By id, which is the order of their making.
  std::map<uint64_t, std::pair<SteadyTime, std::function<void()>>> calls_;
  uint64_t next_call_ = 1;
  uint32_t next_generation_ = 1;
  bool stopped_ = false;
};

}  // namespace skiff::runtime
