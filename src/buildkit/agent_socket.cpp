#include "buildkit/agent_socket.h"

#include <poll.h>
#include <sys/socket.h>

#include "buildkit/byte_bridge.h"
#include "sys/unix_socket.h"

namespace skiff::buildkit {

namespace {
constexpr size_t kMaxTalks = 64;   // at a time: more are closed at once
constexpr int kRetryAccept = 100;  // milliseconds
}  // namespace

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
    if (!connection) {
      if (over_.token().cancelled()) break;
      // Out of descriptors or memory: tries again a little later.
      pollfd over{over_.token().fd(), POLLIN, 0};
      ::poll(&over, 1, kRetryAccept);
      continue;
    }
    join_ended();
    if (talks_.size() < kMaxTalks) begin(std::move(connection));
  }
  for (Talk& talk : talks_) talk.thread.join();
}

void AgentSocket::begin(UniqueFd connection) {
  Talk& talk = talks_.emplace_back();
  talk.thread = std::thread([this, &talk, connection = std::move(connection)]() mutable {
    const auto call = session_->channel().call("/moby.sshforward.v1.SSH/ForwardAgent",
                                               {{"buildkit.ssh.id", id_}}, over_.token());
    [[maybe_unused]] const auto done = tunnel(*call, std::move(connection));
    talk.over = true;
  });
}

void AgentSocket::join_ended() {
  for (auto talk = talks_.begin(); talk != talks_.end();) {
    if (talk->over) {
      talk->thread.join();
      talk = talks_.erase(talk);
    } else {
      ++talk;
    }
  }
}

}  // namespace skiff::buildkit
