// Which records of the build cache a request is about, by its parameter `filters`.
#pragma once

#include <chrono>
#include <optional>

#include "api/router.h"
#include "builder/builder.h"

namespace skiff::api {

struct CacheFilters {
  std::optional<std::chrono::nanoseconds> until;  // only records unused for that long
  solver::RecordFilter filter;
  bool none = false;  // a label was asked for, which no record has
};

Result<CacheFilters> decode_cache_filters(const Call& call);

}  // namespace skiff::api
