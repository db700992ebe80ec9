#include "buildkit/agent_socket.h"

#include <sys/socket.h>

#include "buildkit/byte_bridge.h"
#include "sys/unix_socket.h"

namespace skiff::buildkit {

namespace {
constexpr size_t kMaxTalks = 64;
}

Result<std::unique_ptr<AgentSocket>> AgentSocket::open(const Path& path, std::string id,
                                                       std::shared_ptr<Session> session) {
  UniqueFd listener = TRY(sys::listen_unix(path));
  std::unique_ptr<AgentSocket> out(
      new AgentSocket(std::move(listener), path, std::move(id), std::move(session)));
  out->serving_ = std::thread([socket = out.get()] { socket->serve(); });
  return out;
}

AgentSocket::~AgentSocket() {
  over_.cancel();
  ::shutdown(listener_.get(), SHUT_RDWR);  // ends accept()
  if (serving_.joinable()) serving_.join();
}

void AgentSocket::serve() {
  for (;;) {
    UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (!connection || talks_.size() == kMaxTalks) break;
    talks_.emplace_back([this, connection = std::move(connection)]() mutable {
      const auto call = session_->channel().call("/moby.sshforward.v1.SSH/ForwardAgent",
                                                 {{"buildkit.ssh.id", id_}}, over_.token());
      [[maybe_unused]] const auto done = tunnel(*call, std::move(connection));
    });
  }
  for (std::thread& talk : talks_) talk.join();
}

}  // namespace skiff::buildkit
