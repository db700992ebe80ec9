// HttpBuilds: builds whose clients ask for them by POST /build?version=2 and have their progress in
// the answer, as Docker's own client without buildx does. Else they are those of Control.Solve: the
// client's files, secrets and outputs go over its session.
//
//   const auto image = builds.build(wanted, [&](std::string_view status) { ... }, client_gone);
//   builds.contexts().send(id, body);      // the tar that a build with `context_is_sent` reads
//   builds.cancel(id);
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "buildkit/frontend_build.h"
#include "buildkit/history.h"
#include "buildkit/sent_contexts.h"

namespace skiff::buildkit {

struct HttpBuild {
  std::string id;                              // as its client calls it; "": it does not
  BuildOrder order;                            // without a session nobody answers questions
  std::map<std::string, std::string> options;  // of the Dockerfile frontend
  std::map<std::string, remote::Credentials> credentials;  // by registry host
  // The context as a tar that is at hand, or comes in a request of its own.
  Source* context = nullptr;
  bool context_is_sent = false;
};

// Thread-safe.
class HttpBuilds {
 public:
  HttpBuilds(BuildTools tools, Builds& builds, History& history)
      : tools_(std::move(tools)), builds_(builds), history_(history) {}

  // Serialized StatusResponses; called by one thread at a time.
  using Tell = std::function<void(std::string_view status)>;
  // Returns the image's id, "" where none is made. An error shows the place in the Dockerfile.
  Result<std::string> build(const HttpBuild& wanted, const Tell& tell, const CancelToken& gone);
  // Nothing where none is at work.
  void cancel(const std::string& id);
  SentContexts& contexts() { return contexts_; }

 private:
  struct AtWork {
    std::shared_ptr<Build> build;
    std::string session;
  };
  using Entry = std::multimap<std::string, AtWork>::iterator;
  BuildOutcome run(const HttpBuild& wanted, const std::shared_ptr<Build>& build);
  // Null where it has none.
  Result<std::shared_ptr<Session>> session_of(const HttpBuild& wanted);
  void leave(Entry entry, const std::shared_ptr<Session>& session);

  BuildTools tools_;
  Builds& builds_;
  History& history_;
  SentContexts contexts_;
  std::mutex mutex_;                            // of what follows
  std::multimap<std::string, AtWork> at_work_;  // by their clients' names
};

}  // namespace skiff::buildkit
