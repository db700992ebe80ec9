#include "api/cache_filters.h"

#include "base/strings.h"

namespace skiff::api {

Result<CacheFilters> decode_cache_filters(const Call& call) {
  CacheFilters out;
  auto filters = TRY(call.filters());
  out.none = !engine::filter_values(filters, "label").empty();
  const TimePoint now = call.context.clock.now();
  // The second is how clients before 18.09 call the first.
  for (const char* key : {"until", "unused-for"}) {
    const auto& texts = engine::filter_values(filters, key);
    if (texts.empty()) continue;
    if (out.until || texts.size() > 1) {
      return Error(Code::kInvalidArgument, cat("filter ", quoted(key), ": it takes one value"));
    }
    out.until = now - TRY(engine::parse_time_argument(texts.front(), now));
  }
  for (const char* key : {"label", "label!", "until", "unused-for"}) filters.erase(key);
  out.filter = TRY(solver::RecordFilter::of_map(filters));
  return out;
}

}  // namespace skiff::api
