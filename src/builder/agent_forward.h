// AgentForward: a socket for the process of a step that leads to another one, of the caller's SSH
// agent: with its own owner and mode, gone with the step.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include "base/file.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace skiff::builder {

class AgentForward {
 public:
  struct Owner {
    uid_t uid = 0;
    gid_t gid = 0;
    mode_t mode = 0600;
  };
  static Result<std::unique_ptr<AgentForward>> start(const Path& socket, const Owner& owner,
                                                     const Path& agent);
  AgentForward(const AgentForward&) = delete;
  AgentForward& operator=(const AgentForward&) = delete;
  ~AgentForward();

 private:
  struct Talk {
    UniqueFd step;
    UniqueFd agent;
    std::thread there;
    std::thread back;
  };
  AgentForward(UniqueFd listener, Path agent)
      : listener_(std::move(listener)), agent_(std::move(agent)) {}
  void serve();

  UniqueFd listener_;
  Path agent_;
  std::mutex mutex_;  // of what follows
  bool over_ = false;
  std::list<Talk> talks_;
  std::thread serving_;
};

}  // namespace skiff::builder
