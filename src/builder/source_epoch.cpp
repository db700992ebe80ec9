#include "builder/source_epoch.h"

#include "base/strings.h"
#include "builder/offline_plan.h"

namespace skiff::builder {

bool wants_epoch_of_context(const BuildRequest& request) {
  const auto given = request.build_args.find(kEpochArgument);
  return given != request.build_args.end() && given->second == "context";
}

Result<BuildRequest> with_epoch(BuildRequest request, const Dockerfile& file,
                                const std::optional<TimePoint>& of_context) {
  if (!request.build_args.contains(kEpochArgument)) {
    const PlanRequest wanted = plan_request(request, platforms_of(request).front());
    const auto own = TRY(global_argument(file, wanted, kEpochArgument));
    if (own == "context") {
      request.build_args[kEpochArgument] = own;
    } else {
      request.epoch = own.value_or("");
    }
  }
  if (!wants_epoch_of_context(request)) return request;
  if (of_context) {
    request.build_args[kEpochArgument] = cat(unix_seconds(*of_context));
  } else {
    request.build_args.erase(kEpochArgument);
  }
  return request;
}

}  // namespace skiff::builder
