// ClientAnswers: what a build asks of its client on the way: secrets, SSH agents, credentials.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/cancellation.h"
#include "base/file.h"
#include "buildkit/sessions.h"
#include "remote/registry_client.h"

namespace skiff::buildkit {

class AgentSocket;

// Thread-safe.
class ClientAnswers {
 public:
  // Sockets of agents are made in `directory`, and gone with this.
  ClientAnswers(std::shared_ptr<Session> session, Path directory, CancelToken cancel);
  ~ClientAnswers();
  ClientAnswers(const ClientAnswers&) = delete;
  ClientAnswers& operator=(const ClientAnswers&) = delete;

  // nullopt: the client has none of that name.
  Result<std::optional<std::string>> secret(const std::string& id);
  Result<std::optional<Path>> ssh_agent(const std::string& id);
  Result<std::optional<remote::Credentials>> credentials(const std::string& host);

 private:
  std::shared_ptr<Session> session_;
  Path directory_;
  CancelToken cancel_;
  std::mutex mutex_;  // of what follows
  std::map<std::string, std::unique_ptr<AgentSocket>> agents_;
};

}  // namespace skiff::buildkit
