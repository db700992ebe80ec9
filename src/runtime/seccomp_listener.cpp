#include "runtime/seccomp_listener.h"

#include "base/file.h"
#include "base/strings.h"
#include "sys/procfs.h"
#include "sys/unix_socket.h"

namespace skiff::runtime {

namespace {

constexpr const char* kWhere = "linux.seccomp.listenerPath: failed to connect with seccomp agent";

// In the namespace whose proc this is: the agent's.
Result<int64_t> own_number() {
  std::string stat = TRY(TRY(sys::ProcFs::ours())->read("self/stat"));
  return parse_int(stat.substr(0, stat.find(' '))).value_or(0);
}

}  // namespace

Result<SeccompListener> SeccompListener::connect(const SeccompFilter& filter,
                                                 const json::Value& seccomp, json::Value state) {
  SeccompListener agent;
  if (!filter.notifies()) return agent;
  std::string path = seccomp.string("listenerPath");
  if (path.empty()) return Error(Code::kInvalidArgument, "seccomp listenerPath is not set");
  agent.socket_ = TRY_CONTEXT(sys::connect_unix(path), kWhere);
  agent.message_ = json::object({{"ociVersion", state.string("ociVersion")},
                                 {"fds", json::array({"seccompFd"})},
                                 {"pid", 0},
                                 {"state", std::move(state)}});
  const std::string metadata = seccomp.string("listenerMetadata");
  if (!metadata.empty()) agent.message_.set("metadata", metadata);
  return agent;
}

void SeccompListener::note_process() {
  if (!socket_) return;
  int64_t pid = own_number().value_or(0);
  message_.set("pid", pid);
  json::Value state = *message_.find("state");
  if (state.integer("pid") == 0) state.set("pid", pid);
  message_.set("state", std::move(state));
}

Result<> SeccompListener::hand_over(const UniqueFd& listener) {
  if (!listener) return {};
  TRY_CONTEXT(sys::send_fd(socket_.get(), listener.get(), message_.dump()), kWhere);
  socket_.reset();
  return {};
}

}  // namespace skiff::runtime
