#include "main/rootless_daemon.h"

#include <unistd.h>

#include "base/log.h"
#include "base/strings.h"
#include "net/socket_source.h"

namespace skiff {

Result<std::unique_ptr<RootlessDaemon>> enter_rootless(const Path& run_dir) {
  if (::geteuid() == 0) return nullptr;
  auto daemon = std::make_unique<RootlessDaemon>();
  daemon->session = TRY_CONTEXT(rootless::Session::enter(run_dir / "rootless"), "rootless");
  rootless::Session* session = daemon->session.get();
  net::set_socket_source([session](int domain, int type, int protocol) {
    return session->host_socket(domain, type, protocol);
  });
  daemon->cgroups = rootless::find_delegation();
  if (!daemon->cgroups.why_not.empty()) {
    daemon->warnings.push_back(
        cat("Running in rootless-mode without cgroups: ", daemon->cgroups.why_not));
  }
  if (auto uplink = session->ensure_uplink(); !uplink) {
    daemon->warnings.push_back(uplink.error().message());
  }
  for (const std::string& warning : daemon->warnings) log_warn(warning);
  return daemon;
}

}  // namespace skiff
