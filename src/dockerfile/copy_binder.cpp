// Binds COPY and ADD.
#include "base/strings.h"
#include "dockerfile/config_words.h"
#include "dockerfile/mode_change.h"
#include "dockerfile/remote_source.h"
#include "dockerfile/stage_binder.h"
#include "oci/ignore_patterns.h"

namespace skiff::dockerfile {

namespace {

// `path` from the working directory, clean; a slash at its end is kept.
std::string absolute_path(const std::string& path, const std::string& working_dir) {
  std::string base = working_dir.empty() ? "/" : working_dir;
  std::string out = clean_path(path.starts_with('/') ? path : cat(base, "/", path));
  bool is_directory = path.empty() || path == "." || path.ends_with('/') || path.ends_with("/.");
  if (is_directory && !out.ends_with('/')) out += '/';
  return out;
}

// An address may say what the flags say, too.
Result<> check_agreement(const PlannedCopy& copy, const GitSource& source) {
  if (copy.keep_git_dir && source.keep_git_dir.value_or(*copy.keep_git_dir) != *copy.keep_git_dir) {
    return invalid_argument("inconsistent keep-git-dir configuration");
  }
  if (!copy.checksum.empty() && !source.checksum.empty() && copy.checksum != source.checksum) {
    return invalid_argument(cat("checksum mismatch ", skiff::quoted(copy.checksum),
                                " != ", skiff::quoted(source.checksum)));
  }
  return {};
}

// What the flags ask for must be possible with these sources.
Result<> check_sources(const PlannedCopy& copy) {
  bool checkable = copy.sources.size() == 1 && copy.files.empty();
  for (const std::string& source : copy.sources) {
    const auto repository = TRY(parse_git_source(source));
    const bool git = repository.has_value();
    if (git) TRY(check_agreement(copy, *repository));
    if (git && !copy.add) return invalid_argument("source can't be a git ref for COPY");
    if (is_url(source) && !git && !copy.add)
      return invalid_argument("source can't be a URL for COPY");
    checkable = checkable && (git || is_url(source));
    if (!git && checkable && !copy.checksum.empty()) {
      TRY_CONTEXT(oci::Digest::parse(copy.checksum), "--checksum");
    }
  }
  if (copy.checksum.empty() || checkable) return {};
  if (copy.sources.size() + copy.files.size() > 1) {
    return invalid_argument("checksum can't be specified for multiple sources");
  }
  return invalid_argument("checksum requires HTTP(S) or Git sources");
}

}  // namespace

Result<> StageBinder::bind_copy_source(const CopyInstruction& copy, const PlannedStep& step,
                                       PlannedCopy& out) {
  if (copy.from.empty()) return {};
  out.from_stage = places_.planned_stage(copy.from, true);
  if (out.from_stage) return {};
  const auto context = named_context(copy.from);
  if (context && context->image.empty()) {
    out.from_context = context->name;
    return {};
  }
  out.from_scratch = copy.from == "scratch";
  if (out.from_scratch) return {};
  out.from_image = TRY(find_image(context ? context->image : copy.from, step));
  return {};
}

// Only where no pattern takes something back: then it is too hard to tell.
void StageBinder::report_ignored(const PlannedCopy& copy) const {
  const oci::IgnorePatterns* ignore = places_.request.ignore;
  if (ignore == nullptr || copy.from_stage || copy.from_image || copy.from_scratch ||
      !copy.from_context.empty())
    return;
  for (const std::string& source : copy.sources) {
    const std::string path = clean_path(source).substr(1);
    if (path.empty() || !ignore->excluded(path) || ignore->may_contain_exceptions(path)) continue;
    report(Rule::kCopyIgnoredFile, cat("Attempting to ", copy.add ? "Add" : "Copy", " file ",
                                       skiff::quoted(path), " that is excluded by .dockerignore"));
  }
}

Result<> StageBinder::bind_one(const CopyInstruction& copy, PlannedStep& step) {
  Expander expand = expander(step);
  PlannedCopy out{.add = copy.add,
                  .link = copy.link,
                  .parents = copy.parents,
                  .excludes = copy.excludes,
                  .keep_git_dir = copy.keep_git_dir,
                  .unpack = copy.unpack};
  TRY_CONTEXT(oci::IgnorePatterns::of(out.excludes), "--exclude");
  std::string words;
  for (const std::string& source : copy.sources) {
    out.sources.push_back(TRY(expand.word(source)));
    words += cat(" ", out.sources.back());
  }
  for (const Heredoc& heredoc : copy.heredocs) {
    std::string content = heredoc.content;
    if (heredoc.expand) content = TRY(expand.body(content));
    out.files.emplace_back(heredoc.name, std::move(content));
    words += cat(" <<", heredoc.name);
  }
  std::string destination = TRY(expand.word(copy.destination));
  out.destination = absolute_path(destination, step.config.working_dir);
  out.chown = TRY(expand.word(copy.chown));
  out.chmod = TRY(expand.word(copy.chmod));
  if (!out.chmod.empty()) TRY(ModeChange::parse(out.chmod));
  out.checksum = TRY(expand.word(copy.checksum));
  TRY(check_sources(out));
  TRY(bind_copy_source(copy, step, out));
  report_ignored(out);
  std::string flags = out.parents ? " --parents" : "";
  if (!out.chown.empty()) flags += cat(" --chown=", out.chown);
  if (!out.chmod.empty()) flags += cat(" --chmod=", out.chmod);
  add_history(step, cat(copy.add ? "ADD" : "COPY", flags, words, " ", destination, " # buildkit"),
              false);
  step.what = std::move(out);
  return {};
}

}  // namespace skiff::dockerfile
