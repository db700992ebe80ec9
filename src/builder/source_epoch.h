// SOURCE_DATE_EPOCH: the time of what a build makes, as seconds since 1970 or by the name of what
// has it: "context", a named context, or a stage that is nothing but one remote ADD.
#pragma once

#include <optional>

#include "builder/builder.h"
#include "builder/named_sources.h"
#include "builder/vocabulary.h"
#include "dockerfile/instructions.h"

namespace skiff::builder {

inline constexpr const char* kEpochArgument = "SOURCE_DATE_EPOCH";

// What the request says, by the argument, else by the Dockerfile's own: seconds, or a name until
// with_epoch() has put seconds in its place; "": nothing.
std::string epoch_text(const BuildRequest& request);
Result<TimePoint> parse_epoch(const std::string& seconds);
// The time that those seconds are; nullopt where it says nothing, or still a name. An error for
// seconds that are no time.
Result<std::optional<TimePoint>> epoch_of(const BuildRequest& request);

struct EpochSources {
  const Dockerfile& file;
  std::optional<TimePoint> of_context;
  NamedSources& named;
  Downloads& downloads;
  const Path& scratch;
  std::optional<TakenSource>& taken;  // that of a stage
};

// The request with what the Dockerfile itself says by an ARG before its first FROM, where no
// argument is given; and with seconds for a name, without the argument where what it names has no
// time, as a directory.
Result<BuildRequest> with_epoch(BuildRequest request, const EpochSources& sources,
                                const CancelToken& cancel);

}  // namespace skiff::builder
