#include "builder/steps.h"

#include <algorithm>

#include "base/strings.h"
#include "builder/copy_step.h"
#include "builder/planned_step.h"
#include "builder/run_step.h"
#include "builder/source_epoch.h"
#include "sys/root_dir.h"

namespace skiff::builder {

namespace {

// The id of an image's files: their chainID, "" of none.
std::string files_of(const oci::ImageConfig& config) {
  if (config.diff_ids.empty()) return "";
  return oci::chain_id(config.diff_ids, config.diff_ids.size()).str();
}

class FromStep : public PlannedSolverStep {
 public:
  using PlannedSolverStep::PlannedSolverStep;
  KeyedBy keyed_by() const override { return KeyedBy::kNothing; }
  KeyParts definition() const override { return {}; }

 private:
  Result<StepResult> perform(const std::vector<StepResult>& inputs, const CancelToken&) override {
    if (!inputs.empty()) return StepResult{.id = inputs[0].id, .created = inputs[0].created};
    const auto& from = std::get<PlannedFrom>(step().what);
    if (!from.image) return StepResult{};
    return StepResult{.id = files_of(from.image->config), .created = from.image->config.created};
  }
};

// A stage that begins with the files of a named context: they are its first layer.
class ContextStep : public PlannedSolverStep {
 public:
  using PlannedSolverStep::PlannedSolverStep;
  KeyedBy keyed_by() const override { return KeyedBy::kContent; }
  KeyParts definition() const override {
    return {written_part(PartKind::kText, "instruction", step().history->created_by)};
  }

 private:
  Times times() const override { return dated_ ? Times::kOfTheRun : Times::kNone; }
  Result<std::vector<Selected>> select(SourceTree& tree, const CancelToken& cancel) {
    return tree.select({.source = "/"}, cancel);
  }
  Result<SourceTree*> tree(const CancelToken& cancel) {
    return site().named.tree(std::get<PlannedFrom>(step().what).context, cancel);
  }
  Result<KeyParts> look_at(const std::vector<StepResult>&, const CancelToken& cancel) override {
    SourceTree* files = TRY(tree(cancel));
    dated_ = !files->times().empty();
    KeyParts parts;
    for (Selected& selected : TRY(select(*files, cancel))) {
      KeyParts described = TRY(files->describe(selected, false, false, cancel));
      parts.insert(parts.end(), described.begin(), described.end());
    }
    return parts;
  }
  Result<StepResult> perform(const std::vector<StepResult>&, const CancelToken& cancel) override {
    SourceTree* files = TRY(tree(cancel));
    Workspace space = TRY(Workspace::make(site().site, ""));
    {
      sys::RootDir root = TRY(sys::RootDir::open(space.root()));
      Copier copier(root, {});
      for (const Selected& selected : TRY(select(*files, cancel))) {
        TRY(copier.copy(*files, selected, "/", cancel));
      }
    }
    return finish(space, cancel);
  }

  bool dated_ = false;  // the times of its files count
};

// Changes the config: the cache keeps when.
class ConfigStep : public PlannedSolverStep {
 public:
  using PlannedSolverStep::PlannedSolverStep;
  KeyedBy keyed_by() const override { return KeyedBy::kDefinition; }
  KeyParts definition() const override {
    const auto& config = std::get<PlannedConfig>(step().what);
    bool declares = !config.build_args.empty() || !step().history;
    KeyParts parts;
    if (declares) {
      parts.push_back({PartKind::kText, "instruction", step().text});
    } else {
      parts.push_back(written_part(PartKind::kText, "instruction", step().history->created_by));
    }
    for (const auto& [name, value] : config.build_args) {
      parts.push_back(untold_part(cat("build argument ", name), value));
    }
    return parts;
  }

 private:
  Result<StepResult> perform(const std::vector<StepResult>& inputs, const CancelToken&) override {
    return StepResult{.id = inputs[0].id, .created = site().site.clock.now()};
  }
};

// Made where it is not there yet; it has a layer of its own in any case, as BuildKit's has.
class WorkdirStep : public PlannedSolverStep {
 public:
  using PlannedSolverStep::PlannedSolverStep;
  KeyedBy keyed_by() const override { return KeyedBy::kDefinition; }
  KeyParts definition() const override {
    const auto& workdir = std::get<PlannedWorkdir>(step().what);
    KeyParts parts{written_part(PartKind::kText, "instruction", cat("WORKDIR ", workdir.path)),
                   untold_part("user", workdir.user)};
    if (const std::string epoch = epoch_text(site().request); !epoch.empty()) {
      parts.push_back({PartKind::kValue, kEpochArgument, epoch});
    }
    return parts;
  }

 private:
  // One of another build's time is another directory.
  Times times() const override {
    return epoch_text(site().request).empty() ? Times::kNone : Times::kOfTheRun;
  }
  Result<StepResult> perform(const std::vector<StepResult>& inputs,
                             const CancelToken& cancel) override {
    const auto& workdir = std::get<PlannedWorkdir>(step().what);
    TRY(unpack_base());
    Workspace space = TRY(Workspace::make(site().site, inputs[0].id));
    {
      sys::RootDir root = TRY(sys::RootDir::open(space.root()));
      CopyAttributes attributes;
      if (!workdir.user.empty()) attributes.owner = TRY(parse_owner(root, workdir.user));
      if (const auto epoch = TRY(epoch_of(site().request))) {
        attributes.made_at = timespec{unix_seconds(*epoch), 0};
      }
      TRY(Copier(root, attributes).make_directories(workdir.path));
    }
    TRY(cancel.check());
    return finish(space, cancel);
  }
};

// What is there already: nothing to do, nothing to tell.
class GivenStep : public Step {
 public:
  explicit GivenStep(StepResult result) : result_(std::move(result)) {}
  const StepIdentity& identity() const override { return identity_; }
  KeyedBy keyed_by() const override { return KeyedBy::kNothing; }
  KeyParts definition() const override { return {}; }
  std::string input_label(size_t) const override { return ""; }
  Result<KeyParts> content(const std::vector<StepResult>&, const CancelToken&) override {
    return KeyParts();
  }
  Result<StepResult> execute(const std::vector<StepResult>&, const CancelToken&) override {
    return result_;
  }
  Result<> unpack_ground() override { return {}; }
  Result<bool> is_same(const StepResult&, const StepResult&, const CancelToken&) override {
    return false;
  }
  void on_started() override {}
  void on_cached() override {}
  void on_missed(const Miss&) override {}
  void on_done(const StepResult&, std::chrono::nanoseconds) override {}
  void on_failed(const Error&) override {}

 private:
  StepResult result_;
  StepIdentity identity_;
};

}  // namespace

std::unique_ptr<Step> make_step(StepSite& site, const StepPlace& place) {
  const auto& what = place.step->what;
  if (const auto* from = std::get_if<PlannedFrom>(&what)) {
    if (!from->context.empty()) return std::make_unique<ContextStep>(site, place);
    return std::make_unique<FromStep>(site, place);
  }
  if (std::holds_alternative<PlannedRun>(what)) return make_run_step(site, place);
  if (std::holds_alternative<PlannedCopy>(what)) return make_copy_step(site, place);
  if (std::holds_alternative<PlannedWorkdir>(what)) {
    return std::make_unique<WorkdirStep>(site, place);
  }
  return std::make_unique<ConfigStep>(site, place);
}

std::unique_ptr<Step> make_image_step(StepSite& site, const BaseImage& image) {
  const oci::ImageConfig& config = site.bases.image(image.handle).config;
  return std::make_unique<GivenStep>(
      StepResult{.id = files_of(config), .layer = {}, .created = config.created});
}

std::unique_ptr<Step> make_empty_step() { return std::make_unique<GivenStep>(StepResult{}); }

}  // namespace skiff::builder
