#include "buildkit/client_answers.h"

#include "base/strings.h"
#include "buildkit/agent_socket.h"
#include "session.pb.h"

namespace skiff::buildkit {

namespace {

constexpr const char* kGetSecret = "/moby.buildkit.secrets.v1.Secrets/GetSecret";
constexpr const char* kCheckAgent = "/moby.sshforward.v1.SSH/CheckAgent";
constexpr const char* kCredentials = "/moby.filesync.v1.Auth/Credentials";

}  // namespace

ClientAnswers::ClientAnswers(std::shared_ptr<Session> session, Path directory, CancelToken cancel)
    : session_(std::move(session)), directory_(std::move(directory)), cancel_(std::move(cancel)) {}
ClientAnswers::~ClientAnswers() = default;

Result<std::optional<std::string>> ClientAnswers::secret(const std::string& id) {
  if (!session_->answers(kGetSecret)) return std::optional<std::string>();
  wire::GetSecretRequest request;
  request.set_id(id);
  auto reply = session_->channel().ask(kGetSecret, request.SerializeAsString(), cancel_);
  if (!reply && reply.error().code() == Code::kNotFound) return std::optional<std::string>();
  wire::GetSecretResponse answer;
  if (!answer.ParseFromString(TRY_CONTEXT(std::move(reply), cat("secret ", id)))) {
    return Error(Code::kInvalidArgument, cat("secret ", id, ": the client's answer is unreadable"));
  }
  return std::optional(answer.data());
}

Result<std::optional<Path>> ClientAnswers::ssh_agent(const std::string& id) {
  if (!session_->answers(kCheckAgent)) return std::optional<Path>();
  const std::scoped_lock lock(mutex_);
  const auto known = agents_.find(id);
  if (known != agents_.end()) return std::optional(known->second->path());
  wire::CheckAgentRequest request;
  request.set_id(id);
  const auto reply = session_->channel().ask(kCheckAgent, request.SerializeAsString(), cancel_);
  if (!reply) return std::optional<Path>();  // it has none of that name
  const Path path = directory_ / cat("agent-", agents_.size());
  agents_[id] = TRY(AgentSocket::open(path, id, session_));
  return std::optional(path);
}

Result<std::optional<remote::Credentials>> ClientAnswers::credentials(const std::string& host) {
  if (!session_->answers(kCredentials)) return std::optional<remote::Credentials>();
  wire::CredentialsRequest request;
  request.set_host(host == "docker.io" ? "registry-1.docker.io" : host);
  wire::CredentialsResponse answer;
  const std::string reply =
      TRY_CONTEXT(session_->channel().ask(kCredentials, request.SerializeAsString(), cancel_),
                  cat("ask for credentials of ", host));
  if (!answer.ParseFromString(reply) || answer.secret().empty()) {
    return std::optional<remote::Credentials>();
  }
  remote::Credentials out;
  out.username = answer.username();
  (answer.username().empty() ? out.identity_token : out.password) = answer.secret();
  return std::optional(std::move(out));
}

}  // namespace skiff::buildkit
