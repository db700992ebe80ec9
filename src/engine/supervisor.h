// Supervisor: notices that containers end, and does what is due then: clean-up, events,
// waking of waiters, automatic removal, restart by policy.
//
// One thread watches every running container through epoll; each end is handled on a
// thread of its own, so that a slow one delays nobody.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "engine/core.h"

namespace skiff::engine {

class Supervisor {
 public:
  // `remove` removes a stopped container with its anonymous volumes (--rm).
  Supervisor(Core& core, std::function<void(const std::shared_ptr<Container>&)> remove);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  Result<> open();
  // Ends the thread; containers that end later are noticed by the next daemon.
  void close();

  // Starts by hand: `operation` is held.
  Result<> start(const std::shared_ptr<Container>& container);
  // Watches a container whose process exists already (found again after a restart).
  void watch(const std::shared_ptr<Container>& container);
  // Records an end that happened while no daemon ran; `operation` is held. The caller then
  // calls after_exit() without it.
  void record_exit(const std::shared_ptr<Container>& container, const runtime::ExitStatus& status);
  // Automatic removal, or the restart that the policy asks for.
  void after_exit(const std::shared_ptr<Container>& container);

 private:
  struct Watched {
    UniqueFd fd;
    std::shared_ptr<Container> container;
    Monitor monitor;
  };
  void loop();
  // Has the loop call on_end() for it.
  Result<> add_watch(const std::shared_ptr<Container>& container, const Monitor& monitor);
  // Ends the watch on `fd`; null where there is none any more.
  std::shared_ptr<Watched> take(int fd);
  void on_end(const Watched& watched);
  void restart_later(const std::shared_ptr<Container>& container);

  Core& core_;
  std::function<void(const std::shared_ptr<Container>&)> remove_;
  UniqueFd epoll_;
  UniqueFd wake_;
  std::mutex mutex_;
  std::map<int, Watched> watched_;  // by descriptor
  std::thread thread_;
};

// Whether the policy asks for a restart after an exit, or (at_boot) when the daemon starts.
bool should_restart(const Record& record, bool at_boot);

}  // namespace skiff::engine
