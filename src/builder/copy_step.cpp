#include "builder/copy_step.h"

#include <fcntl.h>

#include <algorithm>

#include "base/strings.h"
#include "builder/copier.h"
#include "builder/downloads.h"
#include "builder/git_checkout.h"
#include "builder/planned_step.h"
#include "builder/untar.h"
#include "net/url.h"

namespace skiff::builder {

namespace {

// One source with what it stands for.
struct Chosen {
  SourceTree* tree = nullptr;
  std::vector<Selected> matches;
  bool unpack = false;  // archives become what is in them
  // A repository: its files come when they are copied; their name is the commit's.
  std::optional<GitSource> git;
  std::string commit;
};

// What may be another thing the next time, whatever the context is.
bool is_remote(const std::string& source) {
  const auto git = parse_git_source(source);
  return is_url(source) || !git || *git;
}

class CopyStep : public PlannedSolverStep {
 public:
  using PlannedSolverStep::PlannedSolverStep;

  KeyedBy keyed_by() const override {
    if (is_from_build()) return KeyedBy::kEither;
    return copy().sources.empty() ? KeyedBy::kDefinition : KeyedBy::kContent;
  }

  KeyParts definition() const override {
    KeyParts parts{written_part(PartKind::kText, "instruction", step().history->created_by),
                   written_part(PartKind::kValue, "destination", copy().destination)};
    // What the history does not show.
    if (copy().link) parts.push_back({PartKind::kOpaque, "--link", "yes"});
    for (const std::string& pattern : copy().excludes) {
      parts.push_back({PartKind::kOpaque, cat("--exclude=", pattern), pattern});
    }
    if (copy().unpack) {
      parts.push_back({PartKind::kValue, "--unpack", *copy().unpack ? "true" : "false"});
    }
    if (copy().keep_git_dir) {
      parts.push_back(
          {PartKind::kValue, "--keep-git-dir", *copy().keep_git_dir ? "true" : "false"});
    }
    if (!copy().checksum.empty()) {
      parts.push_back(written_part(PartKind::kValue, "--checksum", copy().checksum));
    }
    // An image is named by its content, which is an input.
    for (const auto& [name, content] : copy().files) {
      parts.push_back(untold_part(cat("heredoc ", name), content));
    }
    return parts;
  }

 private:
  const PlannedCopy& copy() const { return std::get<PlannedCopy>(step().what); }
  bool is_from_build() const {
    return copy().from_stage || copy().from_image || copy().from_scratch;
  }

  // Those of a commit belong to what is copied.
  Times times() const override {
    const bool dated = std::ranges::any_of(chosen_, [](const Chosen& one) {
      return one.git ? one.git->commit_times == true : !one.tree->times().empty();
    });
    return dated ? Times::kOfTheRun : Times::kNone;
  }
  Result<> unpack_ground() override { return copy().link ? Result<>() : unpack_base(); }
  Result<KeyParts> glance_at(const CancelToken& cancel) override;
  Result<KeyParts> look_at(const std::vector<StepResult>& inputs,
                           const CancelToken& cancel) override;
  Result<StepResult> perform(const std::vector<StepResult>& inputs,
                             const CancelToken& cancel) override;
  Result<> open_source(const std::vector<StepResult>& inputs);
  Result<> choose(const CancelToken& cancel);
  Result<Chosen> choose_one(const std::string& source, const CancelToken& cancel);
  Result<Chosen> fetch(const std::string& url, const CancelToken& cancel);
  // As the build has it already; else null.
  const TakenSource* taken_source(const std::string& source) const {
    const auto& taken = site().taken;
    return taken && taken->is_of(source, copy().checksum) ? &*taken : nullptr;
  }
  Result<> check_out(Chosen& source, const CancelToken& cancel);
  // What a source is in a tree: with the excludes of the step.
  Result<Selection> selection_of(const std::string& source) const;
  // A mode that is set for all files hides their own.
  Result<bool> mode_given() const;
  Result<SourceTree*> own_tree(const Path& directory, TempDir keep);
  Result<CopyAttributes> attributes(const sys::RootDir& root) const;
  Result<> copy_one(Copier& copier, const Chosen& source, const Selected& selected,
                    const CancelToken& cancel);

  std::unique_ptr<MountedView> view_;  // of the stage or image
  std::unique_ptr<SourceTree> view_tree_;
  std::vector<std::pair<TempDir, std::unique_ptr<SourceTree>>> downloads_;
  std::vector<Chosen> chosen_;
  bool is_chosen_ = false;
};

Result<> CopyStep::open_source(const std::vector<StepResult>& inputs) {
  if (!is_from_build() || view_) return {};
  if (copy().from_stage) {
    TRY(unpack_base_of(site(), site().plan.stages[*copy().from_stage], id()));
  }
  if (copy().from_image) TRY(site().bases.unpack(copy().from_image->handle, id()));
  view_ = TRY(MountedView::make(site().site, inputs.at(1).id));
  sys::RootDir root = TRY(sys::RootDir::open(view_->root()));
  view_tree_ =
      std::make_unique<SourceTree>(std::move(root), SourceTree::Options{.keep_owners = true});
  return {};
}

// A tree that the step made for itself, gone with it.
Result<SourceTree*> CopyStep::own_tree(const Path& directory, TempDir keep) {
  sys::RootDir root = TRY(sys::RootDir::open(directory));
  auto tree = std::make_unique<SourceTree>(std::move(root), SourceTree::Options{});
  SourceTree* out = tree.get();
  downloads_.emplace_back(std::move(keep), std::move(tree));
  return out;
}

Result<Selection> CopyStep::selection_of(const std::string& source) const {
  Selection out{.source = source, .parents = copy().parents};
  out.excludes = TRY_CONTEXT(oci::IgnorePatterns::of(copy().excludes), "--exclude");
  return out;
}

Result<Chosen> CopyStep::fetch(const std::string& url, const CancelToken& cancel) {
  TempDir directory = TRY(TempDir::make(site().site.options.scratch(), "download-"));
  std::optional<oci::Digest> checksum;
  if (!copy().checksum.empty()) checksum = TRY(oci::Digest::parse(copy().checksum));
  const Path path = directory.path();
  std::string name;
  if (const TakenSource* taken = taken_source(url)) {
    name = taken->file;
    TRY(link_file(taken->keep->path() / name, path / name));
  } else {
    name = TRY(site().site.downloads.fetch(url, checksum, path, cancel));
  }
  Chosen chosen{.tree = TRY(own_tree(path, std::move(directory)))};
  chosen.matches = TRY(chosen.tree->select({.source = name}, cancel));
  chosen.unpack = copy().unpack.value_or(false);
  return chosen;
}

Result<> CopyStep::check_out(Chosen& source, const CancelToken& cancel) {
  TempDir directory = TRY(TempDir::make(site().site.options.scratch(), "git-"));
  const Path path = directory.path() / "tree";
  const Checkout checkout{
      .keep_git_dir = source.git->keep_git_dir.value_or(copy().keep_git_dir.value_or(false)),
      .commit_times = source.git->commit_times.value_or(false)};
  const GitAccess access = TRY(git_access(site().request, source.git->remote));
  TRY(fetch_commit(*source.git, access, source.commit, checkout, path, cancel));
  source.tree = TRY(own_tree(path, std::move(directory)));
  Selection wanted = TRY(selection_of(cat("/", source.git->subdirectory)));
  wanted.parents = false;
  source.matches = TRY(source.tree->select(wanted, cancel));
  return {};
}

Result<Chosen> CopyStep::choose_one(const std::string& source, const CancelToken& cancel) {
  Chosen chosen;
  if (copy().add) chosen.git = TRY(parse_git_source(source));
  if (chosen.git) {
    if (chosen.git->checksum.empty()) chosen.git->checksum = copy().checksum;
    if (const TakenSource* taken = taken_source(source)) {
      chosen.commit = taken->commit;
    } else {
      const GitAccess access = TRY(git_access(site().request, chosen.git->remote));
      chosen.commit = TRY(find_commit(*chosen.git, access, cancel));
    }
    return chosen;
  }
  if (copy().add && is_url(source)) return fetch(source, cancel);
  chosen.tree = view_tree_ ? view_tree_.get() : &site().context;
  if (!copy().from_context.empty()) {
    chosen.tree = TRY(site().named.tree(copy().from_context, cancel));
  }
  chosen.unpack = copy().unpack.value_or(copy().add);
  const Selection wanted = TRY(selection_of(source));
  chosen.matches =
      TRY_CONTEXT(chosen.tree->select(wanted, cancel), copy().add ? "ADD failed" : "COPY failed");
  return chosen;
}

Result<> CopyStep::choose(const CancelToken& cancel) {
  if (std::exchange(is_chosen_, true)) return {};
  for (const std::string& source : copy().sources) {
    Chosen chosen = TRY(choose_one(source, cancel));
    chosen_.push_back(std::move(chosen));
  }
  return {};
}

Result<bool> CopyStep::mode_given() const {
  return !copy().chmod.empty() && TRY(ModeChange::parse(copy().chmod)).absolute();
}

// The version of a context that is kept; else a digest of what is chosen, where all of its files
// are remembered.
Result<KeyParts> CopyStep::glance_at(const CancelToken& cancel) {
  if (is_from_build() || std::ranges::any_of(copy().sources, is_remote)) return KeyParts();
  KeyParts parts{{PartKind::kOpaque, "--parents", copy().parents ? "yes" : "no"},
                 {PartKind::kOpaque, "--chmod", copy().chmod},
                 {PartKind::kOpaque, "--chown", copy().chown}};
  for (const std::string& source : copy().sources) {
    parts.push_back({PartKind::kOpaque, "source", source});
  }
  if (copy().from_context.empty() && !site().context.version().empty()) {
    parts.push_back({PartKind::kOpaque, "context", site().context.version()});
    return parts;
  }
  TRY(choose(cancel));
  const bool mode_given = TRY(this->mode_given());
  for (Chosen& source : chosen_) {
    for (Selected& selected : source.matches) {
      auto digest = source.tree->digest(selected, mode_given);
      if (!digest) return KeyParts();
      parts.push_back({PartKind::kOpaque, "files", std::move(*digest)});
    }
  }
  return parts;
}

Result<KeyParts> CopyStep::look_at(const std::vector<StepResult>& inputs,
                                   const CancelToken& cancel) {
  TRY(open_source(inputs));
  TRY(choose(cancel));
  KeyParts parts;
  const bool mode_given = TRY(this->mode_given());
  for (Chosen& source : chosen_) {
    if (source.git) {
      parts.push_back(
          {PartKind::kValue, cat("commit of ", net::shown_url(source.git->remote)), source.commit});
    }
    for (Selected& selected : source.matches) {
      KeyParts described =
          TRY(source.tree->describe(selected, mode_given, !copy().chown.empty(), cancel));
      parts.insert(parts.end(), std::make_move_iterator(described.begin()),
                   std::make_move_iterator(described.end()));
    }
  }
  return parts;
}

Result<> CopyStep::copy_one(Copier& copier, const Chosen& source, const Selected& selected,
                            const CancelToken& cancel) {
  const std::string& path = selected.files.front().path;
  if (source.unpack && S_ISREG(selected.files.front().st.st_mode)) {
    UniqueFd file = TRY(source.tree->root().open_at(path, O_RDONLY | O_NONBLOCK));
    if (TRY(is_archive(file.get()))) {
      return copier.extract(*source.tree, path, copy().destination, cancel);
    }
  }
  return copier.copy(*source.tree, selected, copy().destination, cancel);
}

Result<CopyAttributes> CopyStep::attributes(const sys::RootDir& root) const {
  CopyAttributes out;
  if (!copy().chown.empty()) {
    out.owner = TRY_CONTEXT(parse_owner(root, copy().chown), cat("--chown=", copy().chown));
  }
  if (!copy().chmod.empty()) out.mode = TRY(ModeChange::parse(copy().chmod));
  return out;
}

Result<StepResult> CopyStep::perform(const std::vector<StepResult>& inputs,
                                     const CancelToken& cancel) {
  if (!copy().link) TRY(unpack_base());
  TRY(open_source(inputs));
  TRY(choose(cancel));
  Workspace space = TRY(Workspace::make(site().site, inputs[0].id));
  {
    sys::RootDir root = TRY(sys::RootDir::open(space.root()));
    Copier copier(root, TRY(attributes(root)), space.lent());
    for (Chosen& source : chosen_) {
      if (source.git) TRY(check_out(source, cancel));
      for (const Selected& selected : source.matches) {
        TRY(copy_one(copier, source, selected, cancel));
      }
    }
    for (const auto& [name, content] : copy().files) {
      TRY(copier.write(name, content, copy().destination));
    }
  }
  return finish(space, cancel);
}

}  // namespace

std::unique_ptr<Step> make_copy_step(StepSite& site, const StepPlace& place) {
  return std::make_unique<CopyStep>(site, place);
}

}  // namespace skiff::builder
