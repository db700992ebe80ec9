// SOURCE_DATE_EPOCH: the time of what a build makes. The word "context" is that of what it is made
// from.
#pragma once

#include <optional>

#include "builder/builder.h"
#include "builder/vocabulary.h"
#include "dockerfile/instructions.h"

namespace skiff::builder {

inline constexpr const char* kEpochArgument = "SOURCE_DATE_EPOCH";

// Whether the build's time is to be its context's.
bool wants_epoch_of_context(const BuildRequest& request);

// The request with what the Dockerfile itself says by an ARG before its first FROM, where no
// argument is given; and with the time in seconds for the word, without the argument where the
// context has none, as a directory.
Result<BuildRequest> with_epoch(BuildRequest request, const Dockerfile& file,
                                const std::optional<TimePoint>& of_context);

}  // namespace skiff::builder
