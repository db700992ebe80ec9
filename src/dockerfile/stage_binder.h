// StageBinder: binds the instructions of one stage, one after the other: expands their words,
// changes the config, writes the history. Private to the plan.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "dockerfile/plan.h"
#include "dockerfile/scope.h"

namespace skiff::dockerfile {

inline constexpr const char* kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// What the instructions of a stage change beside the config; a stage FROM it goes on with that.
struct StageState {
  struct Argument {
    std::string name;
    std::optional<std::string> value;
    bool over_env = false;  // declared with a value after the last ENV of that name
  };
  std::vector<Argument> args;  // in scope, in the order of their first ARG
  bool cmd_set = false;        // by the stage itself
  bool workdir_set = false;
  bool knows_env = true;  // the base image's config was there to be looked at
};

struct Places {
  const Dockerfile& file;
  GlobalScope& globals;
  const FindBase& find_base;
  const PlanRequest& request;
  // By its name, or for COPY by its number.
  std::function<std::optional<size_t>(const std::string& name, bool or_number)> planned_stage;
};

// The error that there is no image of that name, where a stage's or a well-known image's is nearly
// it.
Error suggest_stage(const Error& error, const Dockerfile& file, const std::string& name);

class StageBinder {
 public:
  StageBinder(const Places& places, PlannedStage& stage, StageState& state)
      : places_(places), stage_(stage), state_(state) {
    state_.cmd_set = false;
  }

  Result<> add(const Instruction& instruction, int number, int trigger);

  // What a process of the stage sees: the later of ARG and ENV.
  std::optional<std::string> value_of(const PlannedStep& step, const std::string& name) const;

 private:
  Result<> bind(const InstructionBody& body, PlannedStep& step);
  Result<> bind_one(const FromInstruction& from, PlannedStep& step);
  Result<> bind_one(const RunInstruction& run, PlannedStep& step);
  Result<> bind_one(const CopyInstruction& copy, PlannedStep& step);
  Result<> bind_one(const ArgInstruction& arg, PlannedStep& step);
  Result<> bind_one(const EnvInstruction& env, PlannedStep& step);
  Result<> bind_one(const LabelInstruction& label, PlannedStep& step);
  Result<> bind_one(const WorkdirInstruction& workdir, PlannedStep& step);
  Result<> bind_one(const UserInstruction& user, PlannedStep& step);
  Result<> bind_one(const ExposeInstruction& expose, PlannedStep& step);
  Result<> bind_one(const VolumeInstruction& volume, PlannedStep& step);
  Result<> bind_one(const CmdInstruction& cmd, PlannedStep& step);
  Result<> bind_one(const EntrypointInstruction& entrypoint, PlannedStep& step);
  Result<> bind_one(const StopSignalInstruction& stop, PlannedStep& step);
  Result<> bind_one(const ShellInstruction& shell, PlannedStep& step);
  Result<> bind_one(const HealthcheckInstruction& health, PlannedStep& step);
  Result<> bind_one(const OnBuildInstruction& on_build, PlannedStep& step);
  Result<> bind_one(const MaintainerInstruction& maintainer, PlannedStep& step);

  Expander expander(const PlannedStep& step) const;
  void show(const Instruction& instruction, PlannedStep& step) const;
  std::string shown_platform(const PlannedStep& step) const;
  // An image that a COPY or a mount names: of the build's platform, whatever the stage's is. A
  // failure tells of a stage of nearly that name.
  Result<BaseImage> find_image(const std::string& name, const PlannedStep& step) const;
  // What a name that is no stage's stands for; without an image it is files.
  struct Meaning {
    std::string name;
    std::string image;
  };
  std::optional<Meaning> named_context(const std::string& name) const;
  void tell_unset(const PlannedStep& step, const std::string& name) const;
  void report(Rule rule, std::string message) const;
  void report_shell_form(const Command& command, const PlannedStep& step) const;
  void report_ignored(const PlannedCopy& copy) const;
  void report_port(const std::string& word) const;
  std::vector<std::string> command_words(const Command& command, const PlannedStep& step) const;
  Result<std::vector<PlannedMount>> bind_mounts(const RunInstruction& run, const PlannedStep& step,
                                                const std::string& working_dir);
  Result<> bind_mount_source(PlannedMount& mount, const PlannedStep& step);
  Result<> bind_copy_source(const CopyInstruction& copy, const PlannedStep& step, PlannedCopy& out);
  StageState::Argument* find_argument(const std::string& name) const;
  void declare(const std::string& name, const std::optional<std::string>& value);

  const Places& places_;
  PlannedStage& stage_;
  StageState& state_;
  const Instruction* current_ = nullptr;
};

// " A=1 B=2".
std::string pair_words(const Pairs& pairs);
// What `docker history` shows of the step.
void add_history(PlannedStep& step, std::string created_by, bool empty_layer);

}  // namespace skiff::dockerfile
