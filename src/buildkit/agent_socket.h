// AgentSocket: a socket of this machine that leads to an SSH agent of the client's, over its
// session (moby.sshforward.v1.SSH).
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <string>
#include <thread>

#include "base/cancellation.h"
#include "base/file.h"
#include "base/unique_fd.h"
#include "buildkit/sessions.h"

namespace skiff::buildkit {

class AgentSocket {
 public:
  static Result<std::unique_ptr<AgentSocket>> open(const Path& path, std::string id,
                                                   std::shared_ptr<Session> session);
  AgentSocket(const AgentSocket&) = delete;
  AgentSocket& operator=(const AgentSocket&) = delete;
  ~AgentSocket();

  const Path& path() const { return path_; }

 private:
  AgentSocket(UniqueFd listener, Path path, std::string id, std::shared_ptr<Session> session)
      : listener_(std::move(listener)),
        path_(std::move(path)),
        id_(std::move(id)),
        session_(std::move(session)) {}
  struct Talk {
    std::atomic<bool> over = false;
    std::thread thread;
  };
  void serve();
  void begin(UniqueFd connection);
  void join_ended();

  UniqueFd listener_;
  Path path_;
  std::string id_;
  std::shared_ptr<Session> session_;
  CancelSource over_;
  std::list<Talk> talks_;  // of the thread that serves
  std::thread serving_;
};

}  // namespace skiff::buildkit
