#include "builder/source_epoch.h"

#include "base/strings.h"

namespace skiff::builder {

bool wants_epoch_of_context(const BuildRequest& request) {
  const auto given = request.build_args.find(kEpochArgument);
  return given != request.build_args.end() && given->second == "context";
}

BuildRequest with_epoch(BuildRequest request, const std::optional<TimePoint>& time) {
  if (time) {
    request.build_args[kEpochArgument] = cat(unix_seconds(*time));
  } else {
    request.build_args.erase(kEpochArgument);
  }
  return request;
}

}  // namespace skiff::builder
