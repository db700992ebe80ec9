// What the build cache tells of itself, and what of it is to go.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace skiff::solver {

// One record of the cache, as `docker system df` and `docker builder prune` show it; or the
// directory of a RUN --mount=type=cache, a file that ADD fetched, what a failed step has left, a
// directory that a client has sent.
struct CacheRecord {
  enum class Kind { kStep, kCacheMount, kDownload, kFailedStep, kLocalSource };
  std::string id;
  std::string parent;       // id, or ""
  std::string description;  // "[linux/amd64] RUN make"
  uint64_t size = 0;        // bytes that go when only this record goes
  bool in_use = false;
  bool shared = false;  // an image has the same layer: removing the record frees nothing
  TimePoint created;
  TimePoint last_used;
  int64_t usage_count = 0;
  Kind kind = Kind::kStep;
};

// As clients know it.
constexpr std::string_view type_name(CacheRecord::Kind kind) {
  switch (kind) {
    case CacheRecord::Kind::kCacheMount:
      return "exec.cachemount";
    case CacheRecord::Kind::kLocalSource:
      return "source.local";
    default:
      return "regular";
  }
}

struct PruneOptions {
  bool all = true;                                // also records that images share
  std::optional<std::chrono::nanoseconds> until;  // only those unused for that long
  std::string type;                               // only those, as type_name() says; "": all
  uint64_t keep_bytes = 0;                        // the newest records of that size stay
};
struct PruneResult {
  std::vector<std::string> removed;  // ids
  uint64_t freed_bytes = 0;
};

}  // namespace skiff::solver
