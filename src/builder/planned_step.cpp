#include "builder/planned_step.h"

#include "base/strings.h"
#include "codec/hash.h"

namespace skiff::builder {

namespace {

// Whether an earlier step of the stage, or of the one that it starts from, changes files.
bool is_on_own_files(const StepPlace& place) {
  if (place.below.empty()) return false;
  for (const PlannedStep& earlier : place.stage->steps) {
    if (&earlier == place.step) return false;
    const auto* from = std::get_if<PlannedFrom>(&earlier.what);
    const bool changes = from != nullptr ? from->stage.has_value()
                                         : !std::holds_alternative<PlannedConfig>(earlier.what);
    if (changes) return true;
  }
  return false;
}

// A step's place among those of its stage that are shown, and how many these are.
std::pair<int, int> shown_place(const PlannedStage& stage, const PlannedStep& step) {
  int place = 0;
  int places = 0;
  int shown = 0;
  for (const PlannedStep& one : stage.steps) {
    const auto* from = std::get_if<PlannedFrom>(&one.what);
    const bool is_shown = from != nullptr ? from->image || !from->context.empty()
                                          : !std::holds_alternative<PlannedConfig>(one.what);
    if (is_shown) ++shown;
    if (is_shown || one.trigger > 0) ++places;
    if (is_shown && &one == &step) place = shown;
  }
  return {place, places};
}

}  // namespace

StepId id_of(const StepSite& site, const PlannedStep& step) {
  return {.platform = site.platform, .number = step.number, .trigger = step.trigger};
}

Result<> unpack_base_of(StepSite& site, const PlannedStage& stage, const StepId& step) {
  const PlannedFrom* from = &std::get<PlannedFrom>(stage.steps.front().what);
  while (from->stage) {
    from = &std::get<PlannedFrom>(site.plan.stages[*from->stage].steps.front().what);
  }
  if (!from->image) return {};
  return site.bases.unpack(from->image->handle, step);
}

KeyPart untold_part(std::string name, std::string_view value) {
  return {PartKind::kOpaque, std::move(name), sha256_hex(value)};
}

PlannedSolverStep::PlannedSolverStep(StepSite& site, const StepPlace& place)
    : site_(site), place_(place), id_(id_of(site, *place.step)) {
  const std::string platform = place.stage->platform.str();
  identity_ = {.description = cat("[", platform, "] ", place.step->text),
               .platform = platform,
               .place = cat(site.project, "|", place.stage->name, "|", place.step->number),
               .text = place.step->text,
               .on_own_files = is_on_own_files(place)};
}

std::string PlannedSolverStep::input_label(size_t input) const {
  return input == 0 ? place_.below : "source";
}

std::string PlannedSolverStep::refuses_cache() const {
  if (site_.request.no_cache) return "--no-cache";
  const auto& stages = site_.request.no_cache_stages;
  const bool chosen = stages.contains(stage().name) || stages.contains(cat(stage().number));
  return chosen ? "--no-cache-filter" : "";
}

KeyPart PlannedSolverStep::written_part(PartKind kind, std::string_view name,
                                        const std::string& value) const {
  if (step().text.find('$') == std::string::npos) return {kind, std::string(name), value};
  return untold_part(cat("the expanded ", name), value);
}

Error PlannedSolverStep::placed(Error error) const {
  if (error.code() == Code::kCancelled) return error;
  const Error named = step().trigger > 0
                          ? Error(error.code(), cat("ONBUILD ", step().text, ": ", error.message()))
                          : std::move(error);
  Error out = site_.source.at(step().span, named);
  return Error(out.code(), cat(out.message(), without_controls(after_excerpt())));
}

Result<KeyParts> PlannedSolverStep::look_at(const std::vector<StepResult>&, const CancelToken&) {
  return KeyParts();
}

Result<KeyParts> PlannedSolverStep::glance_at(const CancelToken&) { return KeyParts(); }

Result<KeyParts> PlannedSolverStep::stand_in(const CancelToken& cancel) {
  auto parts = glance_at(cancel);
  if (!parts) return placed(std::move(parts.error()));
  return parts;
}

Result<KeyParts> PlannedSolverStep::content(const std::vector<StepResult>& inputs,
                                            const CancelToken& cancel) {
  auto parts = look_at(inputs, cancel);
  if (!parts) return placed(std::move(parts.error()));
  return parts;
}

Result<StepResult> PlannedSolverStep::execute(const std::vector<StepResult>& inputs,
                                              const CancelToken& cancel) {
  auto result = perform(inputs, cancel);
  if (!result) return placed(std::move(result.error()));
  return result;
}

Result<StepResult> PlannedSolverStep::finish(Workspace& space, const CancelToken& cancel) {
  Layer layer = TRY(space.commit(site_.lease, cancel));
  std::string id = layer.snapshot;
  return StepResult{
      .id = std::move(id), .layer = std::move(layer), .created = site_.site.clock.now()};
}

Result<bool> PlannedSolverStep::is_same(const StepResult& own, const StepResult& earlier,
                                        const CancelToken& cancel) {
  return same_layers(site_.site.images.content(), own, earlier, times(), cancel);
}

void PlannedSolverStep::on_started() {
  if (!place_.first) return;
  const auto [place, places] = shown_place(stage(), step());
  site_.events.send(id_, StepStarted{.step = id_,
                                     .total = site_.plan.total,
                                     .stage = stage().name,
                                     .text = without_controls(step().text),
                                     .line = step().span.first,
                                     .shown = without_controls(step().shown),
                                     .recorded = without_controls(step().recorded),
                                     .shown_platform = step().shown_platform,
                                     .place = place,
                                     .places = places});
}

void PlannedSolverStep::on_cached() { site_.events.send(id_, StepCached{id_}); }

void PlannedSolverStep::on_missed(const Miss& miss) {
  std::vector<std::string> differences;
  for (const std::string& one : miss.differences) differences.push_back(without_controls(one));
  site_.events.send(id_, StepMissed{id_, without_controls(miss.reason), std::move(differences)});
}

void PlannedSolverStep::on_done(const StepResult& result, std::chrono::nanoseconds duration) {
  if (result.layer) site_.layers.add(*result.layer);
  if (!place_.last) return;
  std::string id = sha256_hex(cat(result.id, "\n", step().config.to_json().dump()));
  site_.events.send(
      id_,
      StepDone{
          .step = id_, .id = std::move(id), .duration = duration, .last = place_.last_of_number});
  site_.events.done(id_, place_.last_of_number);
}

void PlannedSolverStep::on_failed(const Error& error) {
  StepFailed event{.step = id_};
  if (error.code() != Code::kCancelled) event.error = without_controls(error.message());
  tell_more(event);
  site_.events.send(id_, std::move(event));
  site_.events.failed(id_);
}

}  // namespace skiff::builder
