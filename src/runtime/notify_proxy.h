// sd_notify(3) for a container: the service manager's socket stays outside, the container gets
// one of its own, and what it says there of its readiness is passed on.
//
//   CreateOptions options{.notify_socket = true};           // create: the directory, the variable
//   auto proxy = TRY(NotifyProxy::open(container));         // start: before the program runs
//   if (proxy) TRY(proxy->pass_on(pidfd, pid));
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/file.h"
#include "base/unique_fd.h"

namespace skiff::runtime {

inline constexpr const char* kNotifyDir = "notify";  // in the container's state directory
inline constexpr const char* kNotifyPlace = "/run/notify";
inline constexpr const char* kNotifySocket = "notify.sock";

// The service manager's socket, from the environment; "" for none.
std::string service_manager();

class NotifyProxy {
 public:
  // The socket in `directory`; nothing without a service manager or without the directory.
  static Result<std::optional<NotifyProxy>> open(const Path& directory);
  // Waits for READY=1 or the end of the container's first process, tells the service manager of
  // it and that `main` is the process to supervise, and waits until it has heard.
  Result<> pass_on(int pidfd, pid_t main) const;

 private:
  NotifyProxy(UniqueFd inside, UniqueFd outside)
      : inside_(std::move(inside)), outside_(std::move(outside)) {}
  Result<> tell(std::string_view text) const;
  Result<> wait_until_heard() const;

  UniqueFd inside_;
  UniqueFd outside_;
};

}  // namespace skiff::runtime
