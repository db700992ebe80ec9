// Sessions: the connections on which clients answer the daemon's questions: for files, secrets,
// credentials. A client opens one, says by which name it is known and which calls it answers.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "buildkit/rpc_channel.h"

namespace skiff::buildkit {

struct SessionFacts {
  std::string id;
  std::string shared_key;         // the same for builds of the same directory
  std::set<std::string> methods;  // "/moby.filesync.v1.FileSync/DiffCopy"; as sent: any case
};

class Session {
 public:
  Session(SessionFacts facts, std::unique_ptr<RpcChannel> channel)
      : facts_(std::move(facts)), channel_(std::move(channel)) {}

  const SessionFacts& facts() const { return facts_; }
  bool answers(const std::string& method) const;
  RpcChannel& channel() const { return *channel_; }

 private:
  SessionFacts facts_;
  std::unique_ptr<RpcChannel> channel_;
};

// Thread-safe.
class Sessions {
 public:
  // `socket` leads to the client's gRPC server. A session of the same id is replaced.
  std::shared_ptr<Session> add(SessionFacts facts, UniqueFd socket);
  // Not another one that has come in its place.
  void remove(const std::shared_ptr<Session>& session);
  // A build may be asked for before its session is there: waits a while for it.
  Result<std::shared_ptr<Session>> find(const std::string& id);
  // Of a client that has none: it answers nothing, and calls fail.
  static Result<std::shared_ptr<Session>> silent();

 private:
  std::mutex mutex_;  // of what follows
  std::condition_variable came_;
  std::map<std::string, std::shared_ptr<Session>> sessions_;
};

}  // namespace skiff::buildkit
