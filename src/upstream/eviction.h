// Eviction: keeps what is kept of other registries below a size. The least recently used images go
// first, by the registry's collection; what was used within the last minutes stays, so that no pull
// loses an image in the middle.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "base/clock.h"
#include "registry/metadata.h"

namespace skiff::upstream {

class Eviction {
 public:
  // `limit` in bytes; 0: nothing goes. Of several servers one makes room at a time.
  Eviction(registry::MetadataStore& metadata, uint64_t limit, std::string server,
           const Clock& clock);

  // More is here than at the last look.
  void look();
  // Makes room now, where no other server does; returns the number of manifests that went.
  Result<size_t> make_room();

 private:
  void run(const std::stop_token& stop);

  registry::MetadataStore& metadata_;
  const uint64_t limit_;
  const std::string server_;
  const Clock& clock_;
  std::mutex making_;  // one at a time: two would take twice as much
  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool has_more_ = true;  // than was looked at: the limit may be another than the last time
  std::jthread thread_;   // last: it uses the others
};

}  // namespace skiff::upstream
