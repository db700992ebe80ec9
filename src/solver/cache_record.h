// What the build cache tells of itself.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

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

// A directory that goes on changing.
constexpr bool is_mutable(CacheRecord::Kind kind) {
  return kind == CacheRecord::Kind::kCacheMount || kind == CacheRecord::Kind::kLocalSource;
}

}  // namespace skiff::solver
