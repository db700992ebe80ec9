// BuildkitServer: BuildKit's protocol for stock clients (docs/buildkit.md): gRPC on connections of
// the Engine API, in front of our own builder.
//
//   auto server = TRY(BuildkitServer::start(options, builder, images));
//   server->serve(hijacked);                   // POST /grpc, or HTTP/2 from the start
//   server->add_session(facts, hijacked);      // POST /session
//   server->http_builds().build(...);          // POST /build?version=2
#pragma once

#include <memory>

#include "base/clock.h"
#include "builder/builder.h"
#include "buildkit/sessions.h"
#include "buildkit/worker.h"
#include "images/image_store.h"
#include "net/http_server.h"

namespace skiff::buildkit {

class HttpBuilds;

// Thread-safe.
class BuildkitServer {
 public:
  struct Options {
    WorkerFacts worker;
    Path scratch;  // contexts of running builds; emptied at the start
    Path history;  // a database: what builds there were
  };
  // All must outlive it.
  static Result<std::unique_ptr<BuildkitServer>> start(Options options, builder::Builder& builder,
                                                       images::ImageStore& images,
                                                       const Clock& clock = Clock::system());
  // Cancels the builds at work and waits for them.
  virtual ~BuildkitServer() = default;

  // The client speaks gRPC on it.
  virtual Result<> serve(net::Hijacked connection) = 0;
  // The client answers calls on it.
  virtual Result<> add_session(SessionFacts facts, net::Hijacked connection) = 0;
  // For clients that ask by POST /build?version=2.
  virtual HttpBuilds& http_builds() = 0;
};

}  // namespace skiff::buildkit
