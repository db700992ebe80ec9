#include "dockerfile/stage_binder.h"

#include <algorithm>

#include "base/nearest_word.h"
#include "base/strings.h"
#include "dockerfile/config_words.h"

namespace skiff::dockerfile {

namespace {

constexpr std::string_view kHistoryComment = "buildkit.dockerfile.v0";

// "make..." of several lines.
std::string first_line_of(std::string_view text) {
  const std::string_view lines = trim(text);
  const size_t end = std::min(lines.find('\n'), lines.size());
  std::string_view first = lines.substr(0, end);
  if (end < lines.size() && first.ends_with('\r')) first.remove_suffix(1);
  return cat(first, end < lines.size() ? "..." : "");
}

std::string with_upper_name(const std::string& text) {
  const size_t end = std::min(text.find(' '), text.size());
  return cat(to_upper(text.substr(0, end)), text.substr(end));
}

}  // namespace

std::string pair_words(const Pairs& pairs) {
  std::string out;
  for (const auto& [name, value] : pairs) out += cat(" ", name, "=", value);
  return out;
}

void add_history(PlannedStep& step, std::string created_by, bool empty_layer) {
  oci::History entry;
  entry.created_by = std::move(created_by);
  entry.comment = kHistoryComment;
  entry.empty_layer = empty_layer;
  step.history = std::move(entry);
}

Result<> StageBinder::add(const Instruction& instruction, int number, int trigger) {
  PlannedStep step{.what = PlannedConfig{}, .number = number, .trigger = trigger};
  step.text = instruction.text;
  step.span = instruction.span;
  step.config = stage_.steps.back().config;
  current_ = &instruction;
  auto bound = bind(instruction.body, step);
  if (!bound) return places_.file.source->at(instruction.span, bound.error());
  show(instruction, step);
  step.shown_platform = shown_platform(step);
  stage_.steps.push_back(std::move(step));
  return {};
}

Result<> StageBinder::bind(const InstructionBody& body, PlannedStep& step) {
  return std::visit([&](const auto& one) { return bind_one(one, step); }, body);
}

Error suggest_stage(const Error& error, const Dockerfile& file, const std::string& name) {
  std::vector<std::string> stages;
  for (const Stage& stage : file.stages) {
    if (!stage.from.name.empty()) stages.push_back(stage.from.name);
  }
  const std::vector<std::string> common = {"alpine", "busybox", "centos", "debian",
                                           "fedora", "golang",  "ubuntu"};
  const bool is_common = std::ranges::find(common, name) != common.end();
  std::string near = nearest_word(name, stages);
  if (!near.empty()) {
    near = cat("the stage ", near);
  } else if (!is_common) {
    near = nearest_word(name, common);
  }
  if (near.empty()) return error;
  return Error(error.code(), cat(error.message(), " (did you mean ", near, "?)"));
}

Result<BaseImage> StageBinder::find_image(const std::string& name, const PlannedStep& step) const {
  std::optional<oci::Platform> wanted;
  if (places_.request.platform_given) wanted = places_.request.target_platform;
  auto base = places_.find_base(name, wanted, {.step = step.number});
  if (base) return base;
  return suggest_stage(base.error(), places_.file, name);
}

std::optional<StageBinder::Meaning> StageBinder::named_context(const std::string& name) const {
  const NamedContexts& all = places_.request.named_contexts;
  const auto key = find_context(all, name, places_.request.target_platform);
  if (!key) return std::nullopt;
  return Meaning{*key, all.at(*key)};
}

StageState::Argument* StageBinder::find_argument(const std::string& name) const {
  const auto found = std::ranges::find(state_.args, name, &StageState::Argument::name);
  return found == state_.args.end() ? nullptr : &*found;
}

std::optional<std::string> StageBinder::value_of(const PlannedStep& step,
                                                 const std::string& name) const {
  const StageState::Argument* argument = find_argument(name);
  if (argument != nullptr && argument->over_env) return argument->value;
  if (auto value = get_env(step.config.env, name)) return value;
  return argument == nullptr ? std::nullopt : argument->value;
}

// What cannot be expanded stands as it is written.
void StageBinder::show(const Instruction& instruction, PlannedStep& step) const {
  std::string text = instruction.text;
  const auto* run = std::get_if<RunInstruction>(&instruction.body);
  if (run != nullptr && run->heredocs.size() == 1 && is_single_heredoc(run->command.words[0])) {
    text += cat(" (", first_line_of(run->heredocs[0].content), ")");
  }
  step.recorded = with_upper_name(text);
  if (run != nullptr) {
    const auto& mounts = std::get<PlannedRun>(step.what).mounts;
    const Expander expand(places_.file.escape, [&](const std::string& name) {
      const bool secret = std::ranges::any_of(mounts, [&](const PlannedMount& mount) {
        return mount.kind == MountKind::kSecret && mount.env == name;
      });
      return secret ? std::optional<std::string>("****") : value_of(step, name);
    });
    text = expand.shown(text).value_or(text);
  } else if (std::holds_alternative<CopyInstruction>(instruction.body) ||
             std::holds_alternative<WorkdirInstruction>(instruction.body)) {
    const Expander expand(places_.file.escape,
                          [&](const std::string& name) { return value_of(step, name); });
    text = expand.word(text).value_or(text);
  }
  step.shown = with_upper_name(text);
}

// A stage that knows of a target's platform other than its own builds for that.
std::string StageBinder::shown_platform(const PlannedStep& step) const {
  const oci::Platform& own = stage_.platform;
  std::string out = own.str();
  const auto value = [&](const char* name) { return value_of(step, name).value_or(""); };
  oci::Platform target{.os = value("TARGETOS"),
                       .architecture = value("TARGETARCH"),
                       .variant = value("TARGETVARIANT")};
  if (const auto whole = oci::Platform::parse(value("TARGETPLATFORM"))) target = *whole;
  if (target.os.empty()) target.os = own.os;
  if (target.architecture.empty()) target.architecture = own.architecture;
  target = target.normalized();
  if (target.os != own.os) return cat(out, "->", target.str());
  if (target.architecture == own.architecture) return out;
  return cat(out, "->", target.architecture, target.variant.empty() ? "" : "/", target.variant);
}

// All words of an instruction see the values before it.
Expander StageBinder::expander(const PlannedStep& step) const {
  return Expander(
      places_.file.escape, [this, &step](const std::string& name) { return value_of(step, name); },
      [this, &step](const std::string& name) { tell_unset(step, name); });
}

std::vector<std::string> StageBinder::command_words(const Command& command,
                                                    const PlannedStep& step) const {
  if (!command.shell) return command.words;
  std::vector<std::string> words =
      step.config.shell.value_or(std::vector<std::string>{"/bin/sh", "-c"});
  words.push_back(join(command.words, " "));  // "" of an instruction that stands alone
  return words;
}

Result<> StageBinder::bind_one(const FromInstruction&, PlannedStep&) {
  return invalid_argument("FROM is not allowed here");
}

// Without a value it leaves what an earlier one gave.
void StageBinder::declare(const std::string& name, const std::optional<std::string>& value) {
  StageState::Argument* argument = find_argument(name);
  if (argument == nullptr) {
    state_.args.push_back({name, value, value.has_value()});
  } else if (value) {
    argument->value = value;
    argument->over_env = true;
  }
}

Result<> StageBinder::bind_one(const ArgInstruction& arg, PlannedStep& step) {
  std::string words;
  PlannedConfig out;
  for (const auto& [name, fallback] : arg.args) {
    std::optional<std::string> expanded;
    if (fallback && !places_.globals.is_given(name)) {
      expanded = TRY(expander(step).word(*fallback));
    }
    auto value = places_.globals.value_of(name, expanded);
    declare(name, value);
    if (value) out.build_args.emplace_back(name, *value);
    words += value ? cat(" ", name, "=", *value) : cat(" ", name);
  }
  add_history(step, cat("ARG", words), true);
  step.what = std::move(out);
  return {};
}

Result<> StageBinder::bind_one(const EnvInstruction& env, PlannedStep& step) {
  Expander expand = expander(step);
  Pairs pairs;
  for (const auto& [name, value] : env.pairs) {
    pairs.emplace_back(TRY(expand.word(name)), TRY(expand.word(value)));
  }
  for (const auto& [name, value] : pairs) {
    set_env(step.config.env, name, value);
    if (auto* argument = find_argument(name)) argument->over_env = false;
  }
  add_history(step, cat("ENV", pair_words(pairs)), true);
  return {};
}

Result<> StageBinder::bind_one(const LabelInstruction& label, PlannedStep& step) {
  Expander expand = expander(step);
  Pairs pairs;
  for (const auto& [name, value] : label.pairs) {
    pairs.emplace_back(TRY(expand.word(name)), TRY(expand.word(value)));
  }
  for (const auto& [name, value] : pairs) step.config.labels[name] = value;
  add_history(step, cat("LABEL", pair_words(pairs)), true);
  return {};
}

Result<> StageBinder::bind_one(const WorkdirInstruction& workdir, PlannedStep& step) {
  std::string path = TRY(expander(step).word(workdir.path));
  if (!std::exchange(state_.workdir_set, true) && !path.starts_with('/')) {
    report(Rule::kWorkdirRelativePath,
           cat("Relative workdir ", skiff::quoted(path),
               " can have unexpected results if the base image changes"));
  }
  const std::string base = step.config.working_dir.empty() ? "/" : step.config.working_dir;
  if (path.empty()) path = base;
  step.config.working_dir = path.starts_with('/') ? path : clean_path(cat(base, "/", path));
  add_history(step, cat("WORKDIR ", step.config.working_dir), step.config.working_dir == "/");
  if (step.config.working_dir != "/") {
    step.what = PlannedWorkdir{step.config.working_dir, step.config.user};
  }
  return {};
}

Result<> StageBinder::bind_one(const UserInstruction& user, PlannedStep& step) {
  step.config.user = TRY(expander(step).word(user.user));
  add_history(step, cat("USER ", step.config.user), true);
  return {};
}

Result<> StageBinder::bind_one(const ExposeInstruction& expose, PlannedStep& step) {
  std::vector<std::string> ports;
  // Variables without a value are not told here.
  const Expander expand(places_.file.escape,
                        [&](const std::string& name) { return value_of(step, name); });
  for (const std::string& words : expose.ports) {
    for (const std::string& word : TRY(expand.words(words))) {
      report_port(word);
      for (std::string& port : TRY(parse_exposed(word))) ports.push_back(std::move(port));
    }
  }
  for (const std::string& port : ports) insert_sorted(step.config.exposed_ports, port);
  add_history(step, cat("EXPOSE [", join(ports, " "), "]"), true);
  return {};
}

Result<> StageBinder::bind_one(const VolumeInstruction& volume, PlannedStep& step) {
  std::vector<std::string> paths;
  for (const std::string& path : volume.paths) {
    paths.push_back(TRY(expander(step).word(path)));
    if (paths.back().empty())
      return invalid_argument("VOLUME specified can not be an empty string");
    insert_sorted(step.config.volumes, paths.back());
  }
  add_history(step, cat("VOLUME [", join(paths, " "), "]"), true);
  return {};
}

Result<> StageBinder::bind_one(const CmdInstruction& cmd, PlannedStep& step) {
  report_shell_form(cmd.command, step);
  step.config.cmd = command_words(cmd.command, step);
  step.config.args_escaped = true;
  state_.cmd_set = true;
  add_history(step, cat("CMD ", quoted_list(*step.config.cmd)), true);
  return {};
}

Result<> StageBinder::bind_one(const EntrypointInstruction& entrypoint, PlannedStep& step) {
  report_shell_form(entrypoint.command, step);
  step.config.entrypoint = command_words(entrypoint.command, step);
  if (!state_.cmd_set) step.config.cmd.reset();
  add_history(step, cat("ENTRYPOINT ", quoted_list(*step.config.entrypoint)), true);
  if (step.config.entrypoint->empty()) step.config.entrypoint.reset();
  return {};
}

Result<> StageBinder::bind_one(const StopSignalInstruction& stop, PlannedStep& step) {
  std::string signal = TRY(expander(step).word(stop.signal));
  if (!is_signal(signal)) return invalid_argument(cat("invalid signal: ", signal));
  step.config.stop_signal = signal;
  add_history(step, cat("STOPSIGNAL ", signal), true);
  return {};
}

Result<> StageBinder::bind_one(const ShellInstruction& shell, PlannedStep& step) {
  step.config.shell = shell.words;
  add_history(step, cat("SHELL [", join(shell.words, " "), "]"), true);
  return {};
}

Result<> StageBinder::bind_one(const HealthcheckInstruction& health, PlannedStep& step) {
  step.config.healthcheck = health.check;
  add_history(step, cat("HEALTHCHECK ", health_words(health.check)), true);
  return {};
}

Result<> StageBinder::bind_one(const OnBuildInstruction& on_build, PlannedStep& step) {
  step.config.on_build.push_back(on_build.trigger);
  return {};
}

Result<> StageBinder::bind_one(const MaintainerInstruction& maintainer, PlannedStep& step) {
  stage_.author = maintainer.name;  // no word of it is a variable
  add_history(step, cat("MAINTAINER ", stage_.author), true);
  return {};
}

}  // namespace skiff::dockerfile
