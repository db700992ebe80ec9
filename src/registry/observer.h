// Observer: what is told of each request once it has been answered, for the access log and the
// metrics. Both must be cheap: the server's own thread calls them for quick requests.
//
//   struct Counter : Observer {
//     void answered(const RequestRecord& r) override { ++by_status[r.status / 100]; }
//   };
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "registry/access.h"

namespace skiff::registry {

// Lives as long as the call that it is given to.
struct RequestRecord {
  std::string_view id;          // in the answer as X-Request-Id
  std::string_view method;      // as the client sent it; "" of a request that was no valid one
  std::string_view path;        // decoded, without the query
  std::string_view endpoint;    // one of a few words: manifest, blob, upload, ...; "other" for none
  std::string_view repository;  // "" where the path names none
  std::string_view reference;   // a tag, a digest or an upload's id
  const Viewer& viewer;         // anonymous where credentials were wrong
  std::string_view address;     // of the client, without the port; "" for a Unix socket
  std::string_view user_agent;
  bool tls = false;
  int status = 0;
  std::string_view error;  // the specification's code, of a refusal
  uint64_t received = 0;   // bytes of the request's body
  uint64_t sent = 0;       // bytes of the answer's body
  bool broken = false;     // the client went, or was given up, before it had its answer
  std::chrono::nanoseconds duration{0};
};

// Thread-safe. Must not fail, nor wait for anything.
class Observer {
 public:
  virtual ~Observer() = default;
  // A request is being worked on from now on, until answered() is called for it.
  virtual void began() {}
  virtual void answered(const RequestRecord& record) = 0;
};

}  // namespace skiff::registry
