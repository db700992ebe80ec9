#include "engine/id_pool.h"

#include <algorithm>
#include <optional>

#include "base/strings.h"

namespace skiff::engine {

namespace {

using sys::IdRange;

uint64_t end_of(const IdRange& range) { return uint64_t{range.first} + range.count; }

bool overlap(const IdRange& a, const IdRange& b) {
  return a.first < end_of(b) && b.first < end_of(a);
}

// The lowest place in `offered` that nobody has taken: it begins where that, or somebody's, begins
// or ends.
std::optional<IdRange> find_free(const IdRange& offered, const std::vector<IdRange>& taken,
                                 uint32_t size) {
  std::vector<uint64_t> starts{offered.first};
  for (const IdRange& range : taken) starts.push_back(end_of(range));
  std::sort(starts.begin(), starts.end());
  for (const uint64_t start : starts) {
    if (start < offered.first || start + size > end_of(offered)) continue;
    const IdRange wanted{static_cast<uint32_t>(start), size};
    const auto clashes = [&](const IdRange& range) { return overlap(range, wanted); };
    if (std::none_of(taken.begin(), taken.end(), clashes)) return wanted;
  }
  return std::nullopt;
}

Result<IdRange> find_free(const std::vector<IdRange>& offered, const std::vector<IdRange>& taken,
                          uint32_t size, std::string_view kind) {
  for (const IdRange& range : offered) {
    if (const auto found = find_free(range, taken, size)) return *found;
  }
  uint64_t whole = 0;
  for (const IdRange& range : offered) whole += range.count;
  return Error(Code::kResourceExhausted,
               cat("no ", size, " ", kind, " ids in one piece are left of ", whole,
                   ": remove containers, ask for less (auto:size=N) or lend more"));
}

void add(std::vector<IdRange>& taken, const std::vector<sys::IdMapping>& map) {
  for (const sys::IdMapping& m : map) taken.push_back({m.outside, m.size});
}

void drop(std::vector<IdRange>& taken, const std::vector<sys::IdMapping>& map) {
  for (const sys::IdMapping& m : map) {
    const auto found = std::find(taken.begin(), taken.end(), IdRange{m.outside, m.size});
    if (found != taken.end()) taken.erase(found);
  }
}

}  // namespace

Result<sys::IdMaps> IdPool::take(const std::vector<IdRange>& uids, const std::vector<IdRange>& gids,
                                 uint32_t size) {
  const std::lock_guard lock(mutex_);
  const IdRange uid = TRY(find_free(uids, uids_, size, "user"));
  const IdRange gid = TRY(find_free(gids, gids_, size, "group"));
  uids_.push_back(uid);
  gids_.push_back(gid);
  return sys::IdMaps{.uids = sys::map_from_zero({uid}), .gids = sys::map_from_zero({gid})};
}

void IdPool::keep(const sys::IdMaps& maps) {
  const std::lock_guard lock(mutex_);
  add(uids_, maps.uids);
  add(gids_, maps.gids);
}

void IdPool::give_back(const sys::IdMaps& maps) {
  const std::lock_guard lock(mutex_);
  drop(uids_, maps.uids);
  drop(gids_, maps.gids);
}

}  // namespace skiff::engine
