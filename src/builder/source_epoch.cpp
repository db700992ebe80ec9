#include "builder/source_epoch.h"

#include "base/strings.h"
#include "builder/offline_plan.h"
#include "builder/remote_context.h"

namespace skiff::builder {

namespace {

bool is_name(std::string_view text) { return !text.empty() && !parse_int(text); }

Error unfit(std::string_view why) {
  return {Code::kInvalidArgument, cat(kEpochArgument, ": ", why)};
}

// The stage's one ADD, with its variables set.
Result<PlannedCopy> source_of(const Stage& stage, const BuildRequest& request,
                              const Dockerfile& file) {
  for (const Instruction& instruction : stage.instructions) {
    const auto* copy = std::get_if<CopyInstruction>(&instruction.body);
    if ((copy == nullptr || !copy->add) &&
        !std::holds_alternative<ArgInstruction>(instruction.body)) {
      return unfit("a stage that gives it has nothing but ARG and one remote ADD");
    }
  }
  PlanRequest wanted = plan_request(request, platforms_of(request).front());
  wanted.target = stage.from.name;
  wanted.build_args.erase(kEpochArgument);
  const Error not_scratch = unfit("a stage that gives it is FROM scratch");
  const auto no_base = [&](const std::string&, const std::optional<oci::Platform>&,
                           const dockerfile::BaseUse&) -> Result<BaseImage> { return not_scratch; };
  const Plan plan = TRY(make_plan(file, wanted, no_base));
  if (plan.stages.size() > 1) return not_scratch;
  std::vector<PlannedCopy> found;
  for (const PlannedStep& step : plan.stages.front().steps) {
    if (const auto* copy = std::get_if<PlannedCopy>(&step.what)) found.push_back(*copy);
  }
  if (found.size() != 1 || found[0].sources.size() != 1 || !found[0].files.empty()) {
    return unfit("a stage that gives it has exactly one remote ADD, of one source");
  }
  return std::move(found[0]);
}

Result<std::optional<TimePoint>> time_named(const std::string& name, const BuildRequest& request,
                                            const EpochSources& sources,
                                            const CancelToken& cancel) {
  if (name == "context") return sources.of_context;
  const auto context = find_context(sources.named.names(), name, oci::Platform::host());
  if (context) return sources.named.time(*context, cancel);
  for (const Stage& stage : sources.file.stages) {
    if (stage.from.name.empty() || to_lower(stage.from.name) != to_lower(name)) continue;
    const PlannedCopy add = TRY(source_of(stage, request, sources.file));
    sources.taken = TRY(take_source(add.sources[0], add.checksum, request, sources.downloads,
                                    sources.scratch, cancel));
    return sources.taken->time;
  }
  return Error(Code::kInvalidArgument,
               cat(kEpochArgument, "=", name,
                   ": it is seconds since 1970, \"context\", a named context or a stage"));
}

}  // namespace

std::string epoch_text(const BuildRequest& request) {
  const auto given = request.build_args.find(kEpochArgument);
  return given == request.build_args.end() ? request.epoch : given->second.value_or("");
}

Result<TimePoint> parse_epoch(const std::string& seconds) {
  const auto parsed = parse_int(seconds);
  // Nanoseconds since 1970 must fit.
  constexpr int64_t kMostSeconds = int64_t{1} << 33U;
  if (!parsed || *parsed < 0 || *parsed > kMostSeconds) {
    return Error(Code::kInvalidArgument, "it is seconds since 1970");
  }
  return TimePoint(std::chrono::seconds(*parsed));
}

Result<std::optional<TimePoint>> epoch_of(const BuildRequest& request) {
  const std::string text = epoch_text(request);
  if (text.empty() || is_name(text)) return std::optional<TimePoint>();
  return std::optional(TRY_CONTEXT(parse_epoch(text), cat(kEpochArgument, "=", text)));
}

Result<BuildRequest> with_epoch(BuildRequest request, const EpochSources& sources,
                                const CancelToken& cancel) {
  if (!request.build_args.contains(kEpochArgument)) {
    const PlanRequest wanted = plan_request(request, platforms_of(request).front());
    const auto own = TRY(global_argument(sources.file, wanted, kEpochArgument));
    if (own && is_name(*own)) {
      request.build_args[kEpochArgument] = own;
    } else {
      request.epoch = own.value_or("");
    }
  }
  const std::string name = epoch_text(request);
  if (!is_name(name)) return request;
  const auto time = TRY(time_named(name, request, sources, cancel));
  if (time) {
    request.build_args[kEpochArgument] = cat(unix_seconds(*time));
  } else {
    request.build_args.erase(kEpochArgument);
  }
  return request;
}

}  // namespace skiff::builder
