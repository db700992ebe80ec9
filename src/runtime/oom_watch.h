// OomWatch: learns from the kernel when it kills processes of a cgroup for want of memory, while
// others of it go on.
//
//   OomWatch watch(loop, cgroup, [&](uint64_t kills) { ... });
//   TRY(watch.begin());
//
// The kills are all so far, told whenever there are more. `cgroup` is there as long as the watch
// is. Thread-compatible.
#pragma once

#include <chrono>
#include <functional>

#include "runtime/monitor_loop.h"
#include "sys/cgroup.h"

namespace skiff::runtime {

class OomWatch {
 public:
  OomWatch(EventLoop& loop, const sys::Cgroup& cgroup, std::function<void(uint64_t kills)> on_kill)
      : loop_(loop), cgroup_(cgroup), on_kill_(std::move(on_kill)) {}
  ~OomWatch();
  OomWatch(const OomWatch&) = delete;
  OomWatch& operator=(const OomWatch&) = delete;

  // Watches nothing where no memory is counted.
  Result<> begin();

 private:
  Result<UniqueFd> open_events() const;
  void acknowledge() const;
  void tell();
  void look_after(std::chrono::milliseconds delay);

  EventLoop& loop_;
  const sys::Cgroup& cgroup_;
  std::function<void(uint64_t kills)> on_kill_;
  UniqueFd events_;
  uint64_t told_ = 0;
  uint64_t look_call_ = 0;
};

}  // namespace skiff::runtime
