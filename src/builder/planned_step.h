// PlannedSolverStep: what all steps of a Dockerfile have in common: identity, events, errors
// that name their place, the layer at the end.
#pragma once

#include "builder/copier.h"
#include "builder/same_layers.h"
#include "builder/steps.h"

namespace skiff::builder {

// Makes sure that the files the stage starts from are there.
Result<> unpack_base_of(StepSite& site, const PlannedStage& stage, const StepId& step);

// A part of a key whose value may be a secret: it counts, and is neither kept nor told.
KeyPart untold_part(std::string name, std::string_view value);

class PlannedSolverStep : public Step {
 public:
  PlannedSolverStep(StepSite& site, const StepPlace& place);

  const StepIdentity& identity() const override { return identity_; }
  std::string input_label(size_t input) const override;
  std::string refuses_cache() const override;
  Result<KeyParts> content(const std::vector<StepResult>& inputs, const CancelToken& cancel) final;
  Result<KeyParts> stand_in(const CancelToken& cancel) final;
  Result<StepResult> execute(const std::vector<StepResult>& inputs,
                             const CancelToken& cancel) final;
  Result<> unpack_ground() override { return unpack_base(); }
  Result<bool> is_same(const StepResult& own, const StepResult& earlier,
                       const CancelToken& cancel) override;
  void on_started() override;
  void on_cached() override;
  void on_missed(const Miss& miss) override;
  void on_done(const StepResult& result, std::chrono::nanoseconds duration) override;
  void on_failed(const Error& error) override;

 protected:
  StepSite& site() const { return site_; }
  const StepPlace& place() const { return place_; }
  const PlannedStep& step() const { return *place_.step; }
  const StepId& id() const { return id_; }
  const PlannedStage& stage() const { return *place_.stage; }

  // Of what the Dockerfile says: untold where variables have a part in it.
  KeyPart written_part(PartKind kind, std::string_view name, const std::string& value) const;

  // What stands for what look_at() finds; nothing, as a rule.
  virtual Result<KeyParts> glance_at(const CancelToken& cancel);
  virtual Result<KeyParts> look_at(const std::vector<StepResult>& inputs,
                                   const CancelToken& cancel);
  virtual Result<StepResult> perform(const std::vector<StepResult>& inputs,
                                     const CancelToken& cancel) = 0;
  // Which times in its layer tell it from another one.
  virtual Times times() const { return Times::kNone; }
  // Stands behind the lines of the Dockerfile in an error.
  virtual std::string after_excerpt() const { return ""; }
  // What else there is to tell of its failure.
  virtual void tell_more(StepFailed&) const {}

  Result<> unpack_base() { return unpack_base_of(site_, stage(), id_); }
  Result<StepResult> finish(Workspace& space, const CancelToken& cancel);

 private:
  Error placed(Error error) const;

  StepSite& site_;
  StepPlace place_;
  StepId id_;
  StepIdentity identity_;
};

}  // namespace skiff::builder
