// Supervisor: follows the monitors of the containers that run, and does what is due when a run
// ends or begins: clean-up, events, waking of waiters, automatic removal. That another run begins
// is the monitors' work; only a container whose monitor was killed is started again from here.
//
// One thread watches all monitors through epoll; what one tells is handled on a thread of its
// own, so that a slow one delays nobody.
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
  // Ends the thread; what happens to containers later is noticed by the next daemon.
  void close();

  // Starts by hand: operate_start() is held.
  Result<> start(const std::shared_ptr<Container>& container);
  // Follows a container whose monitor exists; operate() is held.
  void watch(const std::shared_ptr<Container>& container);
  void watch(const std::shared_ptr<Container>& container, runtime::MonitorWatch watch);
  // Brings the record up to what its monitor does, which is not at its end; operate() is held.
  void note_state(Container& container, const runtime::MonitorState& state);
  // Records the end of what the monitor does, and frees what that took; operate() is held. The
  // caller then calls after_exit() without it.
  void record_exit(Container& container, const runtime::ExitStatus& status,
                   Status next = Status::kExited);
  // Automatic removal, or the start that a lost monitor cannot make.
  void after_exit(const std::shared_ptr<Container>& container);

 private:
  struct Watched {
    std::shared_ptr<Container> container;
    Monitor monitor;
    runtime::MonitorWatch watch;
  };
  void loop();
  std::shared_ptr<Watched> take(int fd);
  // Has the loop call follow() when there is news.
  void add(const std::shared_ptr<Watched>& watched);
  void follow(const std::shared_ptr<Watched>& watched);
  // False when the container's life with this monitor is over.
  bool apply(const Watched& watched, const runtime::MonitorState& state);
  // The monitor has hung up.
  void follow_anew(const std::shared_ptr<Container>& container, const Monitor& monitor);
  void record_lost(Container& container);
  void note_end(Container& container, const runtime::ExitStatus& status, Status next);
  void note_start(Container& container, const runtime::MonitorState& state);
  void note_oom(Container& container, uint64_t kills);
  void start_later(const std::shared_ptr<Container>& container);

  Core& core_;
  std::function<void(const std::shared_ptr<Container>&)> remove_;
  UniqueFd epoll_;
  UniqueFd wake_;
  std::mutex mutex_;
  std::map<int, std::shared_ptr<Watched>> watched_;  // by descriptor
  std::thread thread_;
};

// Whether the policy asks for a start of one that has ended when the daemon starts.
bool starts_at_boot(const Record& record);

}  // namespace skiff::engine
