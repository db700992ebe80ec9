// The agent that answers a filter's notifications (config-linux.md, Seccomp, listenerPath): it
// gets the filter's listener, and is told whose it is.
//
//   SeccompListener agent = TRY(SeccompListener::connect(filter, seccomp, state));  // the creator
//   agent.note_process();                                  // the new process, with the host's
//   /proc UniqueFd listener = TRY(load_seccomp(filter)); TRY(agent.hand_over(listener)); // before
//   any call that could wait for it
#pragma once

#include <string>

#include "base/unique_fd.h"
#include "codec/json.h"
#include "runtime/seccomp_filter.h"

namespace skiff::runtime {

class SeccompListener {
 public:
  SeccompListener() = default;
  // Nothing for a filter that notifies nobody. `state` is the container's, as `state` prints it.
  static Result<SeccompListener> connect(const SeccompFilter& filter, const json::Value& seccomp,
                                         json::Value state);
  int socket() const { return socket_.get(); }  // -1: none
  void note_process();
  // The agent may read to the end of what it is told: afterwards nobody has the socket.
  Result<> hand_over(const UniqueFd& listener);
  // The creator's copy of the socket, once there is the process.
  void close() { socket_.reset(); }

 private:
  UniqueFd socket_;
  json::Value message_;
};

}  // namespace skiff::runtime
