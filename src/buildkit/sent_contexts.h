// SentContexts: contexts that come in a request of their own, beside the build that reads them:
// what clients of POST /build?version=2 do with a tar from their standard input. The two requests
// come in any order.
//
//   contexts.send("id", body);                            // one thread, until all was taken
//   auto tar = TRY(contexts.take("id", cancel));          // another one
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/cancellation.h"
#include "base/io.h"
#include "base/unique_fd.h"

namespace skiff::buildkit {

// Thread-safe.
class SentContexts {
 public:
  // Waits a while for who takes it. Ends early where that one wants no more.
  Result<> send(const std::string& id, Source& body);
  // Waits a while for who sends it. Reads fail once `cancel` is cancelled, or the sender has
  // broken off.
  Result<std::unique_ptr<Source>> take(const std::string& id, const CancelToken& cancel);

 private:
  struct Sending;
  class Taken;

  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::map<std::string, std::shared_ptr<Sending>> waiting_;
};

}  // namespace skiff::buildkit
