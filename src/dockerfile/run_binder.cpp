// Binds RUN: its command, its environment and its mounts.
#include "base/strings.h"
#include "dockerfile/config_words.h"
#include "dockerfile/stage_binder.h"

namespace skiff::dockerfile {

namespace {

std::string_view trim_newline(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

std::string last_component(const std::string& path) {
  const auto parts = split_last(path, '/');
  return parts ? std::string(parts->second) : path;
}

// What a mount leaves to be filled in.
Result<> add_defaults(PlannedMount& mount, const std::string& working_dir, int agents) {
  const std::string written = mount.target;
  if (mount.kind == MountKind::kSecret) {
    if (mount.id.empty()) mount.id = mount.source;
    if (mount.id.empty()) mount.id = last_component(written);
    if (written.empty() && mount.env.empty()) {
      mount.target = cat("/run/secrets/", last_component(mount.id));
    }
    mount.source.clear();
    if (mount.target.empty()) return {};
  } else if (mount.kind == MountKind::kSsh) {
    if (mount.id.empty()) mount.id = "default";
    if (written.empty()) mount.target = cat("/run/buildkit/ssh_agent.", agents);
  } else if (mount.kind == MountKind::kCache && mount.id.empty()) {
    mount.id = clean_path(written);
  }
  if (!mount.target.starts_with('/')) mount.target = cat(working_dir, "/", mount.target);
  mount.target = clean_path(mount.target);
  if (mount.target == "/")
    return invalid_argument(cat("invalid mount target ", skiff::quoted("/")));
  return {};
}

}  // namespace

Result<> StageBinder::bind_mount_source(PlannedMount& mount, const PlannedStep& step) {
  mount.from_stage = places_.planned_stage(mount.from, false);
  if (mount.from_stage) return {};
  const auto context = named_context(mount.from);
  if (context && context->image.empty()) {
    mount.from_context = context->name;
  } else {
    mount.from_image = TRY(find_image(context ? context->image : mount.from, step));
  }
  return {};
}

Result<std::vector<PlannedMount>> StageBinder::bind_mounts(const RunInstruction& run,
                                                           const PlannedStep& step,
                                                           const std::string& working_dir) {
  Expander expand = expander(step);
  std::vector<PlannedMount> out;
  int agents = 0;
  for (const std::string& text : run.mounts) {
    PlannedMount mount;
    static_cast<RunMount&>(mount) =
        TRY(parse_run_mount(text, [&](const std::string& word) { return expand.word(word); }));
    // Nothing that can be written to, and is gone afterwards.
    if (mount.kind == MountKind::kBind && mount.from == "scratch") mount.kind = MountKind::kTmpfs;
    TRY(add_defaults(mount, working_dir, agents));
    if (mount.kind == MountKind::kSsh) ++agents;
    const auto space = places_.request.build_args.find("BUILDKIT_CACHE_MOUNT_NS");
    if (mount.kind == MountKind::kCache && space != places_.request.build_args.end()) {
      mount.id = cat(space->second.value_or(""), "/", mount.id);
    }
    const bool nothing = mount.from == "scratch" || mount.kind == MountKind::kTmpfs;
    if (!mount.from.empty() && !nothing) {
      TRY(bind_mount_source(mount, step));
    }
    out.push_back(std::move(mount));
  }
  return out;
}

Result<> StageBinder::bind_one(const RunInstruction& run, PlannedStep& step) {
  PlannedRun out;
  Command command = run.command;
  bool only_heredoc = run.heredocs.size() == 1 && is_single_heredoc(run.command.words[0]);
  if (only_heredoc && run.heredocs[0].content.starts_with("#!")) {
    out.script = {run.heredocs[0].name, run.heredocs[0].content};
    command = Command{{cat("/dev/pipes/", run.heredocs[0].name)}, true};
  } else if (only_heredoc) {
    command = Command{{run.heredocs[0].content}, true};
  } else if (!run.heredocs.empty()) {
    command.words[0] += cat("\n", trim_newline(run.heredoc_text));
  }
  out.args = command_words(command, step);
  out.env = step.config.env;
  out.working_dir = step.config.working_dir.empty() ? "/" : step.config.working_dir;
  out.user = step.config.user;
  out.network = run.network;
  out.insecure = run.security == "insecure";
  out.mounts = TRY(bind_mounts(run, step, out.working_dir));
  Pairs shown;
  for (const auto& argument : state_.args) {
    const auto value = value_of(step, argument.name);
    shown.emplace_back(argument.name, value.value_or(""));
    if (!value) continue;
    if (get_env(out.env, argument.name)) {
      set_env(out.env, argument.name, *value);
    } else {
      out.build_args.emplace_back(argument.name, *value);
    }
  }
  for (const auto& [name, value] : places_.globals.predefined()) {
    if (find_argument(name) == nullptr && !get_env(out.env, name))
      out.hidden_args.emplace_back(name, value);
  }
  std::string args = shown.empty() ? "" : cat("|", shown.size(), pair_words(shown), " ");
  add_history(step, cat("RUN ", args, join(out.args, " "), " # buildkit"), false);
  step.what = std::move(out);
  return {};
}

}  // namespace skiff::dockerfile
