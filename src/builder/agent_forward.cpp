#include "builder/agent_forward.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/log.h"
#include "base/strings.h"
#include "net/stream.h"

namespace skiff::builder {

namespace {

// Until one of them ends; then the other knows.
void pump(int from, int to) {
  std::array<char, 16 * 1024> buffer{};
  for (;;) {
    const ssize_t n = ::read(from, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    ssize_t sent = 0;
    while (sent < n) {
      const ssize_t m =
          ::send(to, buffer.data() + sent, static_cast<size_t>(n - sent), MSG_NOSIGNAL);
      if (m < 0 && errno == EINTR) continue;
      if (m < 0) break;
      sent += m;
    }
    if (sent < n) break;
  }
  ::shutdown(to, SHUT_WR);
  ::shutdown(from, SHUT_RD);
}

}  // namespace

Result<std::unique_ptr<AgentForward>> AgentForward::start(const Path& socket, const Owner& owner,
                                                          const Path& agent) {
  UniqueFd listener = TRY(net::listen_unix(socket));
  if (::chown(socket.c_str(), owner.uid, owner.gid) != 0 ||
      ::chmod(socket.c_str(), owner.mode) != 0) {
    return Error::from_errno(errno, cat("set owner and mode of ", socket.native()));
  }
  std::unique_ptr<AgentForward> out(new AgentForward(std::move(listener), agent));
  out->serving_ = std::thread([forward = out.get()] { forward->serve(); });
  return out;
}

void AgentForward::serve() {
  for (;;) {
    UniqueFd step(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!step && errno == EINTR) continue;
    if (!step) return;
    auto agent = net::connect_unix(agent_);
    if (!agent) {
      log_warn(cat("build: SSH agent: ", agent.error().message()));
      continue;
    }
    const std::scoped_lock lock(mutex_);
    if (over_) return;
    Talk& talk = talks_.emplace_back(Talk{std::move(step), std::move(*agent), {}, {}});
    const int here = talk.step.get();
    const int there = talk.agent.get();
    talk.there = std::thread([here, there] { pump(here, there); });
    talk.back = std::thread([here, there] { pump(there, here); });
  }
}

AgentForward::~AgentForward() {
  {
    const std::scoped_lock lock(mutex_);
    over_ = true;
  }
  ::shutdown(listener_.get(), SHUT_RDWR);
  serving_.join();
  for (Talk& talk : talks_) {
    ::shutdown(talk.step.get(), SHUT_RDWR);
    ::shutdown(talk.agent.get(), SHUT_RDWR);
    talk.there.join();
    talk.back.join();
  }
}

}  // namespace skiff::builder
