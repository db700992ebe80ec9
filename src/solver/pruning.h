// What of the cache is to go, and what stays of it: the choice alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "solver/cache_record.h"
#include "solver/record_filter.h"

namespace skiff::solver {

struct PruneOptions {
  bool all = true;                                // also records that images share
  std::optional<std::chrono::nanoseconds> until;  // only those unused for that long
  RecordFilter filter;                            // only those
  // Where one of these is set, records go only until the cache has come down to its size: that is
  // the second, or what leaves the third free on the disk, but never less than the first.
  uint64_t reserved_bytes = 0;
  uint64_t max_used_bytes = 0;
  uint64_t min_free_bytes = 0;

  bool has_sizes() const { return reserved_bytes > 0 || max_used_bytes > 0 || min_free_bytes > 0; }
  bool is_everything() const { return all && !until && filter.is_empty() && !has_sizes(); }
};
struct PruneResult {
  std::vector<std::string> removed;  // ids
  uint64_t freed_bytes = 0;
};

// The records that go, those used longest ago first. `free_bytes` are those of the disk.
std::vector<CacheRecord> chosen_to_go(std::vector<CacheRecord> records, const PruneOptions& options,
                                      TimePoint now, uint64_t free_bytes);

}  // namespace skiff::solver
