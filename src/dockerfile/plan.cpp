#include "dockerfile/plan.h"

#include <algorithm>
#include <set>
#include <span>

#include "base/nearest_word.h"
#include "base/strings.h"
#include "dockerfile/scope.h"
#include "dockerfile/stage_binder.h"
#include "dockerfile/stage_sources.h"
#include "dockerfile/variables.h"

namespace skiff::dockerfile {

namespace {

// A FROM with its words expanded.
struct Origin {
  std::string image;
  std::optional<oci::Platform> platform;
  size_t stage = kNoStage;                            // the earlier one it names
  std::optional<std::string> context = std::nullopt;  // the named one it stands for
  bool replaced = false;  // by the context: the stage's own instructions do not count
};

Result<> declare_all(const Dockerfile& file, GlobalScope& globals) {
  for (const Instruction& arg : file.global_args) {
    auto declared = globals.declare(std::get<ArgInstruction>(arg.body), file.escape);
    if (!declared) return file.source->at(arg.span, declared.error());
  }
  return {};
}

class Planner {
 public:
  Planner(const Dockerfile& file, const PlanRequest& request, const FindBase& find_base)
      : file_(file),
        request_(request),
        find_base_(find_base),
        target_(target_stage()),
        globals_(request, target_ == kNoStage ? "" : stage_label()) {}

  Result<Plan> make();

 private:
  size_t target_stage() const;
  std::string stage_label() const;
  Result<Origin> expand_from(size_t index);
  Result<> mark_needed(size_t index);
  void number_steps();
  bool is_replaced(size_t index) const;
  Result<size_t> taken_stage(const TakenFrom& from, size_t index) const;
  Result<> bind_late(const TakenFrom& from, size_t index);
  Result<> bind_stage(size_t index);
  Result<PlannedStep> bind_from(size_t index, PlannedStage& stage);
  Result<> bind_image(size_t index, const std::string& name, PlannedStage& stage,
                      PlannedStep& step);
  std::span<const Instruction> instructions_of(size_t index) const;
  void check_platform(const Stage& stage, const std::string& image, const oci::Platform& actual,
                      const oci::Platform& expected) const;

  const Dockerfile& file_;
  const PlanRequest& request_;
  const FindBase& find_base_;
  size_t target_;
  GlobalScope globals_;
  std::vector<Origin> origins_;
  std::set<size_t> needed_;
  std::vector<int> first_numbers_;  // of each stage's FROM
  std::vector<size_t> planned_;     // stage -> index in plan_.stages
  std::vector<StageState> states_;  // of each planned stage, at its end
  Plan plan_;
};

size_t Planner::target_stage() const {
  if (request_.target.empty()) return file_.stages.size() - 1;
  size_t found = find_stage(file_, to_lower(request_.target), file_.stages.size());
  if (found != kNoStage) return found;
  auto number = parse_uint(request_.target);
  return number && *number < file_.stages.size() ? static_cast<size_t>(*number) : kNoStage;
}

std::string Planner::stage_label() const {
  const std::string& name = file_.stages[target_].from.name;
  return name.empty() ? "default" : name;
}

Result<Origin> Planner::expand_from(size_t index) {
  const Stage& stage = file_.stages[index];
  std::vector<std::string> unset;
  Expander expander(
      file_.escape, [this](const std::string& n) { return globals_.lookup(n); },
      [&](const std::string& name) {
        unset.push_back(name);
        if (request_.checks == nullptr || globals_.knows(name)) return;
        const std::string near = nearest_word(name, globals_.names());
        request_.checks->report(Rule::kUndefinedArgInFrom, stage.span,
                                cat("FROM argument '", name, "' is not declared",
                                    near.empty() ? "" : cat(" (did you mean ", near, "?)")),
                                stage.comments);
      });
  auto expand = [&]() -> Result<Origin> {
    Origin origin;
    origin.context =
        find_context(request_.named_contexts, stage.from.name, request_.target_platform);
    origin.replaced = origin.context.has_value();
    if (origin.replaced) return origin;
    origin.image = TRY(expander.word(stage.from.image));
    if (origin.image.empty()) {
      return invalid_argument(cat("base name (", stage.from.image, ") should not be blank"));
    }
    unset.clear();
    std::string platform = TRY(expander.word(stage.from.platform));
    if (platform.empty() && !stage.from.platform.empty()) {
      const std::string near = unset.empty() ? "" : nearest_word(unset[0], globals_.names());
      return invalid_argument(cat("empty platform value from expression ", stage.from.platform,
                                  near.empty() ? "" : cat(" (did you mean ", near, "?)")));
    }
    if (!platform.empty()) origin.platform = TRY(oci::Platform::parse(platform));
    origin.stage = find_stage(file_, to_lower(origin.image), index);
    if (origin.stage == kNoStage) {
      origin.context = find_context(request_.named_contexts, origin.image,
                                    origin.platform.value_or(request_.target_platform));
    }
    return origin;
  };
  auto origin = expand();
  if (!origin) return file_.source->at(stage.span, origin.error());
  return origin;
}

std::span<const Instruction> Planner::instructions_of(size_t index) const {
  if (origins_[index].replaced) return {};
  return file_.stages[index].instructions;
}

// By a named context, whose files are there whatever the stage says.
bool Planner::is_replaced(size_t index) const {
  return find_context(request_.named_contexts, file_.stages[index].from.name,
                      request_.target_platform)
      .has_value();
}

// The stage whose files the stage `index` takes; kNoStage where they are an image's.
Result<size_t> Planner::taken_stage(const TakenFrom& from, size_t index) const {
  const size_t found = TRY(named_stage(file_, from));
  if (found == kNoStage || found < index) return found;
  if (is_replaced(found)) return kNoStage;
  if (from.mount) {
    return invalid_argument(cat("cannot mount from stage ", skiff::quoted(from.name), " to ",
                                skiff::quoted(*from.mount),
                                ", stage needs to be defined before current command"));
  }
  return invalid_argument(cat("cannot copy from stage ", skiff::quoted(from.name),
                              ", it needs to be defined before current stage ",
                              skiff::quoted(label_of(file_, index))));
}

// The stage and all that its FROM and its COPY --from lead to.
Result<> Planner::mark_needed(size_t index) {
  if (!needed_.insert(index).second) return {};
  if (origins_[index].stage != kNoStage) TRY(mark_needed(origins_[index].stage));
  for (const Instruction& instruction : instructions_of(index)) {
    for (const TakenFrom& from : sources_of(instruction)) {
      auto found = taken_stage(from, index);
      if (!found) return file_.source->at(instruction.span, found.error());
      if (*found != kNoStage) TRY(mark_needed(*found));
    }
  }
  return {};
}

void Planner::number_steps() {
  first_numbers_.assign(file_.stages.size(), 0);
  int next = 1;
  for (size_t index : needed_) {
    first_numbers_[index] = next;
    next += 1 + static_cast<int>(instructions_of(index).size());
  }
  plan_.total = next - 1;
}

void Planner::check_platform(const Stage& stage, const std::string& image,
                             const oci::Platform& actual, const oci::Platform& expected) const {
  const bool same = actual.os == expected.os && actual.architecture == expected.architecture;
  if (same || request_.checks == nullptr) return;
  request_.checks->report(
      Rule::kInvalidBaseImagePlatform, stage.span,
      cat("Base image ", image, " was pulled with platform ", skiff::quoted(actual.str()),
          ", expected ", skiff::quoted(expected.str()), " for current build"),
      stage.comments);
}

Result<PlannedStep> Planner::bind_from(size_t index, PlannedStage& stage) {
  const Stage& source = file_.stages[index];
  const Origin& origin = origins_[index];
  PlannedStep step{.what = PlannedFrom{}, .number = first_numbers_[index]};
  auto& from = std::get<PlannedFrom>(step.what);
  step.text = step.shown = step.recorded = source.from_text;
  step.span = source.span;
  if (origin.stage != kNoStage) {
    from.stage = planned_[origin.stage];
    stage.platform = plan_.stages[*from.stage].platform;
    stage.author = plan_.stages[*from.stage].author;
    step.config = plan_.stages[*from.stage].steps.back().config;
    return step;
  }
  stage.platform = origin.platform.value_or(request_.target_platform);
  const std::string image =
      origin.context ? request_.named_contexts.at(*origin.context) : origin.image;
  if (origin.context && image.empty()) {
    from.context = *origin.context;
    add_history(step, cat("FROM ", from.context, " # named context"), false);
  } else if (image != "scratch") {
    TRY(bind_image(index, image, stage, step));
  } else {
    stage.platform = request_.target_platform;  // nothing is of any other
  }
  // An image that there is none of begins with that alone.
  if (!from.image && !origin.replaced) step.config.working_dir = "/";
  if (!get_env(step.config.env, "PATH")) set_env(step.config.env, "PATH", kDefaultPath);
  return step;
}

Result<> Planner::bind_image(size_t index, const std::string& name, PlannedStage& stage,
                             PlannedStep& step) {
  const Stage& source = file_.stages[index];
  const Origin& origin = origins_[index];
  std::optional<oci::Platform> wanted = origin.platform;
  if (!wanted && request_.platform_given) wanted = request_.target_platform;
  auto base = find_base_(name, wanted, {.step = step.number, .stage = index});
  if (!base) return file_.source->at(source.span, suggest_stage(base.error(), file_, name));
  stage.platform = base->config.platform.normalized();
  check_platform(source, name, stage.platform, origin.platform.value_or(request_.target_platform));
  stage.author = base->config.author;
  step.config = base->config.config;
  if (!base->found.empty()) step.shown = cat("FROM ", base->found);
  std::get<PlannedFrom>(step.what).image = std::move(*base);
  return {};
}

// A stage that only a trigger needs: which ones there are shows when the base image is there.
Result<> Planner::bind_late(const TakenFrom& from, size_t index) {
  auto found = taken_stage(from, index);
  if (!found) return file_.source->at(file_.stages[index].span, found.error());
  if (*found == kNoStage || planned_[*found] != kNoStage) return {};
  TRY(mark_needed(*found));
  const std::set<size_t> needed = needed_;
  for (size_t other : needed) {
    if (other >= index || planned_[other] != kNoStage) continue;
    first_numbers_[other] = plan_.total + 1;
    plan_.total += 1 + static_cast<int>(instructions_of(other).size());
    TRY(bind_stage(other));
  }
  return {};
}

Result<> Planner::bind_stage(size_t index) {
  const Stage& source = file_.stages[index];
  PlannedStage stage{.number = index,
                     .name = source.from.name.empty() ? cat(index) : source.from.name};
  PlannedStep from = TRY(bind_from(index, stage));
  from.shown_platform = stage.platform.str();
  StageState state;
  if (origins_[index].stage != kNoStage) state = states_[planned_[origins_[index].stage]];
  // A stage begins with its config: what another one's ARG had put over that stays behind.
  for (StageState::Argument& argument : state.args) {
    argument.over_env = argument.over_env && !get_env(from.config.env, argument.name);
  }
  const auto& image = std::get<PlannedFrom>(from.what).image;
  if (image) state.knows_env = image->known;
  std::vector<std::string> triggers = std::exchange(from.config.on_build, {});
  stage.steps.push_back(std::move(from));
  const Places places{
      .file = file_,
      .globals = globals_,
      .find_base = find_base_,
      .request = request_,
      .planned_stage = [&](const std::string& name, bool or_number) -> std::optional<size_t> {
        const auto mount = or_number ? std::nullopt : std::optional("");
        const auto found = taken_stage({name, mount}, index);
        if (!found || *found == kNoStage || planned_[*found] == kNoStage) {
          return std::nullopt;
        }
        return planned_[*found];
      }};
  StageBinder binder(places, stage, state);
  int trigger_number = 0;
  for (const std::string& trigger : triggers) {
    auto instruction = parse_trigger(origins_[index].image, trigger);
    if (!instruction) return file_.source->at(source.span, instruction.error());
    instruction->span = source.span;
    for (const TakenFrom& taken : sources_of(*instruction)) TRY(bind_late(taken, index));
    TRY(binder.add(*instruction, first_numbers_[index], ++trigger_number));
  }
  int number = first_numbers_[index];
  for (const Instruction& instruction : instructions_of(index)) {
    TRY(binder.add(instruction, ++number, 0));
  }
  planned_[index] = plan_.stages.size();
  plan_.stages.push_back(std::move(stage));
  states_.push_back(std::move(state));
  return {};
}

Result<Plan> Planner::make() {
  if (target_ == kNoStage) {
    std::vector<std::string> names;
    for (const Stage& stage : file_.stages) names.push_back(stage.from.name);
    std::erase(names, "");
    const std::string near = nearest_word(request_.target, names);
    return invalid_argument(cat("target stage ", skiff::quoted(request_.target),
                                " could not be found",
                                near.empty() ? "" : cat(" (did you mean ", near, "?)")));
  }
  TRY(declare_all(file_, globals_));
  for (size_t i = 0; i <= target_; ++i) origins_.push_back(TRY(expand_from(i)));
  TRY(check_circles(file_));
  TRY(mark_needed(target_));
  for (size_t i = 0; request_.all_stages && i < origins_.size(); ++i) TRY(mark_needed(i));
  number_steps();
  planned_.assign(file_.stages.size(), kNoStage);
  for (size_t index : needed_) TRY(bind_stage(index));
  plan_.unused_args = globals_.unused();
  return std::move(plan_);
}

}  // namespace

Result<std::optional<std::string>> global_argument(const Dockerfile& file,
                                                   const PlanRequest& request,
                                                   const std::string& name) {
  GlobalScope globals(request, "");
  TRY(declare_all(file, globals));
  return globals.lookup(name);
}

Result<Plan> make_plan(const Dockerfile& file, const PlanRequest& request,
                       const FindBase& find_base) {
  return Planner(file, request, find_base).make();
}

}  // namespace skiff::dockerfile
