#include "solver/pruning.h"

#include <algorithm>

namespace skiff::solver {

namespace {

// What goes when the record goes: what an image has stays.
uint64_t own_bytes(const CacheRecord& record) { return record.shared ? 0 : record.size; }

uint64_t bytes_to_stay(const PruneOptions& options, uint64_t total, uint64_t free_bytes) {
  if (!options.has_sizes()) return 0;
  uint64_t stay = options.max_used_bytes;
  if (options.min_free_bytes > free_bytes) {
    const uint64_t missing = options.min_free_bytes - free_bytes;
    const uint64_t left = total > missing ? total - missing : 0;
    stay = options.max_used_bytes == 0 ? left : std::min(stay, left);
  } else if (options.min_free_bytes > 0 && options.max_used_bytes == 0) {
    stay = total;  // so much is free already
  }
  return std::max(stay, options.reserved_bytes);
}

}  // namespace

std::vector<CacheRecord> chosen_to_go(std::vector<CacheRecord> records, const PruneOptions& options,
                                      TimePoint now, uint64_t free_bytes) {
  uint64_t total = 0;
  for (const CacheRecord& record : records) total += own_bytes(record);
  const uint64_t stay = bytes_to_stay(options, total, free_bytes);
  // Of those used at one time the last made first: it stands on the others.
  std::ranges::reverse(records);
  std::ranges::stable_sort(records, {}, &CacheRecord::last_used);
  std::vector<CacheRecord> out;
  for (CacheRecord& record : records) {
    if (options.has_sizes() && total <= stay) break;
    const bool young = options.until && now - record.last_used < *options.until;
    if (record.in_use || young || (record.shared && !options.all)) continue;
    // It makes no room.
    if (options.has_sizes() && record.shared) continue;
    if (!options.filter.matches(record)) continue;
    total -= own_bytes(record);
    out.push_back(std::move(record));
  }
  return out;
}

}  // namespace skiff::solver
