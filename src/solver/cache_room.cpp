#include "solver/cache_room.h"

#include <algorithm>

#include "base/strings.h"
#include "solver/cache.h"

namespace skiff::solver {

namespace {

// What a layer asks for at a time, as long as there is so much.
constexpr uint64_t kStep = uint64_t{8} << 20U;

std::string megabytes(uint64_t bytes) {
  constexpr uint64_t kMega = 1'000'000;
  return cat((bytes + kMega - 1) / kMega, " MB");
}

}  // namespace

CacheRoom::~CacheRoom() { cache_.give_back(taken_); }

Result<> CacheRoom::reserve(uint64_t bytes) {
  if (bytes <= taken_) return {};
  TRY(cache_.take(bytes - taken_, Cache::Evict::kOldest));
  taken_ = bytes;
  return {};
}

Result<> CacheRoom::grow(uint64_t bytes) {
  asked_ += bytes;
  if (asked_ <= taken_) return {};
  const uint64_t missing = asked_ - taken_;
  if (missing < kStep && cache_.take(kStep, Cache::Evict::kNothing)) {
    taken_ += kStep;
    return {};
  }
  TRY(cache_.take(missing, Cache::Evict::kOldest));
  taken_ += missing;
  return {};
}

void Cache::give_back(uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  taken_ -= bytes;
}

// Several records may name one layer.
Result<uint64_t> Cache::stored_bytes() {
  Statement s =
      TRY(db_.prepare("SELECT coalesce(sum(bytes), 0) FROM (SELECT max(size + blob_size) AS bytes "
                      "FROM records WHERE snapshot <> '' GROUP BY snapshot)"));
  TRY(s.step());
  return static_cast<uint64_t>(s.integer(0));
}

Result<std::vector<std::string>> Cache::oldest(uint64_t bytes) {
  struct Evictable {
    std::string id;
    uint64_t bytes = 0;
    int64_t used = 0;
  };
  // What stands on a layer keeps it on the disk: it is used as long as that is, and goes after it.
  struct Above {
    int64_t used = 0;
    bool held = false;
  };
  TRY(write_usage());
  Statement s = TRY(
      db_.prepare("SELECT id, size + blob_size, max(created, used), result, parent FROM records "
                  "WHERE snapshot <> '' ORDER BY created DESC, id"));
  std::map<std::string, Above> above;  // by result
  std::vector<Evictable> found;        // what stands on others before those
  while (TRY(s.step())) {
    Above own = above[s.text(3)];
    own.used = std::max(own.used, s.integer(2));
    own.held = own.held || held_records_.contains(s.text(0));
    Above& below = above[s.text(4)];
    below.used = std::max(below.used, own.used);
    below.held = below.held || own.held;
    if (!own.held) found.push_back({s.text(0), static_cast<uint64_t>(s.integer(1)), own.used});
  }
  std::ranges::stable_sort(found, {}, &Evictable::used);
  std::vector<std::string> out;
  uint64_t freed = 0;
  for (const Evictable& one : found) {
    if (freed >= bytes) break;
    freed += one.bytes;
    out.push_back(one.id);
  }
  if (freed < bytes) out.clear();  // it would not help
  return out;
}

Result<> Cache::take(uint64_t bytes, Evict evict) {
  for (;;) {
    {
      const std::scoped_lock lock(mutex_);
      const uint64_t stored = limit_ == 0 ? 0 : TRY(stored_bytes());
      const uint64_t wanted = stored + taken_ + bytes;
      if (limit_ == 0 || wanted <= limit_) {
        taken_ += bytes;
        return {};
      }
      std::vector<std::string> records;
      if (evict == Evict::kOldest) records = TRY(oldest(wanted - limit_));
      if (records.empty()) {
        return Error(Code::kResourceExhausted,
                     cat("the limit of ", megabytes(limit_), " for the build cache is reached (",
                         megabytes(stored), " stored, ", megabytes(taken_), " being written, ",
                         megabytes(bytes), " more wanted), and running builds use what is there"));
      }
      TRY(forget(records, "for the cache's limit"));
    }
    TRY(collect_());
  }
}

}  // namespace skiff::solver
