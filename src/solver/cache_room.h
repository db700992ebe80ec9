// CacheRoom: room under the cache's limit for one layer, asked for before its bytes are written.
//
//   CacheRoom room(cache);
//   TRY(room.grow(bytes));     // evicts the records used longest ago, as far as that is needed
//   ... write, put the record; then `room` goes: the record counts ...
#pragma once

#include <cstdint>

#include "base/result.h"

namespace skiff::solver {

class Cache;

class CacheRoom {
 public:
  explicit CacheRoom(Cache& cache) : cache_(cache) {}
  CacheRoom(const CacheRoom&) = delete;
  CacheRoom& operator=(const CacheRoom&) = delete;
  ~CacheRoom();

  // For about so much in all, before any of it is asked for: so that what cannot fit is refused
  // before anything is evicted for it.
  Result<> reserve(uint64_t bytes);
  // For `bytes` more. kResourceExhausted where what running builds use leaves no room.
  Result<> grow(uint64_t bytes);

 private:
  Cache& cache_;
  uint64_t asked_ = 0;
  uint64_t taken_ = 0;
};

}  // namespace skiff::solver
