// SOURCE_DATE_EPOCH=context: the time of what a build is made from.
#pragma once

#include <optional>

#include "builder/builder.h"

namespace skiff::builder {

inline constexpr const char* kEpochArgument = "SOURCE_DATE_EPOCH";

// Whether the build's time is to be its context's.
bool wants_epoch_of_context(const BuildRequest& request);

// The request with the time in seconds for the word; without the argument where the context has
// none, as a directory.
BuildRequest with_epoch(BuildRequest request, const std::optional<TimePoint>& time);

}  // namespace skiff::builder
