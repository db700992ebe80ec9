#include "buildkit/sessions.h"

#include <chrono>

#include "base/strings.h"
#include "sys/unix_socket.h"

namespace skiff::buildkit {

bool Session::answers(const std::string& method) const {
  for (const std::string& known : facts_.methods) {
    if (equals_ignore_case(known, method)) return true;
  }
  return false;
}

std::shared_ptr<Session> Sessions::add(SessionFacts facts, UniqueFd socket) {
  std::string id = facts.id;
  auto session = std::make_shared<Session>(std::move(facts), RpcChannel::over(std::move(socket)));
  const std::scoped_lock lock(mutex_);
  std::erase_if(sessions_, [](const auto& one) { return !one.second->channel().alive(); });
  sessions_[id] = session;
  came_.notify_all();
  return session;
}

void Sessions::remove(const std::shared_ptr<Session>& session) {
  const std::scoped_lock lock(mutex_);
  const auto found = sessions_.find(session->facts().id);
  if (found != sessions_.end() && found->second == session) sessions_.erase(found);
}

Result<std::shared_ptr<Session>> Sessions::find(const std::string& id) {
  constexpr auto kPatience = std::chrono::seconds(5);
  std::unique_lock lock(mutex_);
  if (!came_.wait_for(lock, kPatience, [&] { return sessions_.contains(id); })) {
    return Error(Code::kFailedPrecondition,
                 cat("no session ", quoted(id), ": the client has not opened one"));
  }
  return sessions_[id];
}

Result<std::shared_ptr<Session>> Sessions::silent() {
  auto [own, other] = TRY(sys::socket_pair(SOCK_STREAM));
  other.reset();
  return std::make_shared<Session>(SessionFacts(), RpcChannel::over(std::move(own)));
}

}  // namespace skiff::buildkit
