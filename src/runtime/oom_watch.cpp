#include "runtime/oom_watch.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/strings.h"

namespace skiff::runtime {

namespace {

constexpr const char* kControl = "memory.oom_control";
// Version 1 tells of the want before it chooses whom to kill, and not when that is over: the count
// is looked at again, each time after twice the time.
constexpr std::chrono::milliseconds kFirstLook{5};
constexpr std::chrono::milliseconds kLastLook{1500};

// Version 1 (the kernel's cgroup-v1/memory.rst, 10. OOM Control). The registration stays without
// the control file's descriptor.
Result<UniqueFd> register_event(const sys::Cgroup& cgroup) {
  UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) return Error::from_errno(errno, "make an eventfd");
  const Path file = TRY(cgroup.directory("memory")) / kControl;
  const UniqueFd control = TRY(open_file(file, O_RDONLY));
  TRY(cgroup.write("memory", "cgroup.event_control", cat(event.get(), " ", control.get())));
  return event;
}

}  // namespace

OomWatch::~OomWatch() {
  loop_.cancel_call(look_call_);
  if (events_) loop_.remove(events_.get());
}

Result<> OomWatch::begin() {
  if (!cgroup_.has("memory")) return {};
  events_ = TRY_CONTEXT(open_events(), "watch for a want of memory");
  acknowledge();
  const uint32_t wanted = cgroup_.v2() ? EPOLLPRI : EPOLLIN;
  TRY(loop_.add(events_.get(), wanted, [this](uint32_t) {
    acknowledge();
    tell();
    if (!cgroup_.v2()) look_after(kFirstLook);
  }));
  // What came before.
  tell();
  return {};
}

Result<UniqueFd> OomWatch::open_events() const {
  if (!cgroup_.v2()) return register_event(cgroup_);
  return open_file(TRY(cgroup_.directory("memory")) / "memory.events", O_RDONLY);
}

// Either kind is news until it is read.
void OomWatch::acknowledge() const {
  std::array<char, 512> ignored;
  const ssize_t n = cgroup_.v2() ? ::pread(events_.get(), ignored.data(), ignored.size(), 0)
                                 : ::read(events_.get(), ignored.data(), ignored.size());
  (void)n;
}

void OomWatch::tell() {
  const uint64_t kills = cgroup_.oom_kills();
  if (kills <= told_) return;
  told_ = kills;
  on_kill_(kills);
}

void OomWatch::look_after(std::chrono::milliseconds delay) {
  loop_.cancel_call(look_call_);
  look_call_ = loop_.call_after(delay, [this, delay] {
    tell();
    if (2 * delay <= kLastLook) look_after(2 * delay);
  });
}

}  // namespace skiff::runtime
