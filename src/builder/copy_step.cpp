#include "builder/copy_step.h"

#include <fcntl.h>

#include "base/strings.h"
#include "builder/copier.h"
#include "builder/planned_step.h"
#include "builder/remote_file.h"
#include "builder/untar.h"

namespace skiff::builder {

namespace {

// One source with what it stands for.
struct Chosen {
  SourceTree* tree = nullptr;
  std::vector<Selected> matches;
  bool downloaded = false;
};

class CopyStep : public PlannedSolverStep {
 public:
  using PlannedSolverStep::PlannedSolverStep;

  KeyedBy keyed_by() const override {
    if (is_from_build()) return KeyedBy::kEither;
    return copy().sources.empty() ? KeyedBy::kDefinition : KeyedBy::kContent;
  }

  KeyParts definition() const override {
    KeyParts parts{{PartKind::kText, "instruction", step().history->created_by},
                   {PartKind::kValue, "destination", copy().destination}};
    // An image is named by its content, which is an input.
    for (const auto& [name, content] : copy().files) {
      parts.push_back({PartKind::kOpaque, cat("heredoc ", name), content});
    }
    return parts;
  }

 private:
  const PlannedCopy& copy() const { return std::get<PlannedCopy>(step().what); }
  bool is_from_build() const { return copy().from_stage || copy().from_image; }

  Result<KeyParts> look_at(const std::vector<StepResult>& inputs,
                           const CancelToken& cancel) override;
  Result<StepResult> perform(const std::vector<StepResult>& inputs,
                             const CancelToken& cancel) override;
  Result<> open_source(const std::vector<StepResult>& inputs);
  Result<> choose(const CancelToken& cancel);
  Result<Chosen> fetch(const std::string& url, const CancelToken& cancel);
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
  if (copy().from_stage) TRY(unpack_base(site().plan.stages[*copy().from_stage]));
  if (copy().from_image) TRY(site().bases.unpack(copy().from_image->handle, step().number));
  view_ = TRY(MountedView::make(site().site, inputs.at(1).id));
  sys::RootDir root = TRY(sys::RootDir::open(view_->root()));
  view_tree_ =
      std::make_unique<SourceTree>(std::move(root), SourceTree::Options{.keep_owners = true});
  return {};
}

Result<Chosen> CopyStep::fetch(const std::string& url, const CancelToken& cancel) {
  TempDir directory = TRY(TempDir::make(site().site.options.scratch(), "download-"));
  std::string name = TRY(download(url, directory.path(), cancel));
  sys::RootDir root = TRY(sys::RootDir::open(directory.path()));
  auto tree = std::make_unique<SourceTree>(std::move(root), SourceTree::Options{});
  Chosen chosen{.tree = tree.get(), .matches = TRY(tree->select(name, cancel)), .downloaded = true};
  downloads_.emplace_back(std::move(directory), std::move(tree));
  return chosen;
}

Result<> CopyStep::choose(const CancelToken& cancel) {
  if (std::exchange(is_chosen_, true)) return {};
  for (const std::string& source : copy().sources) {
    if (copy().add && is_git(source)) {
      return Error(Code::kUnimplemented, cat("ADD of a git repository is not supported: ", source));
    }
    if (copy().add && is_url(source)) {
      chosen_.push_back(TRY(fetch(source, cancel)));
      continue;
    }
    SourceTree* tree = view_tree_ ? view_tree_.get() : &site().context;
    auto matches = tree->select(source, cancel);
    if (!matches) {
      return std::move(matches.error()).with_context(copy().add ? "ADD failed" : "COPY failed");
    }
    chosen_.push_back({.tree = tree, .matches = std::move(*matches)});
  }
  return {};
}

Result<KeyParts> CopyStep::look_at(const std::vector<StepResult>& inputs,
                                   const CancelToken& cancel) {
  TRY(open_source(inputs));
  TRY(choose(cancel));
  KeyParts parts;
  for (const Chosen& source : chosen_) {
    for (const Selected& selected : source.matches) {
      KeyParts described = TRY(
          source.tree->describe(selected, !copy().chmod.empty(), !copy().chown.empty(), cancel));
      parts.insert(parts.end(), described.begin(), described.end());
    }
  }
  return parts;
}

Result<> CopyStep::copy_one(Copier& copier, const Chosen& source, const Selected& selected,
                            const CancelToken& cancel) {
  const std::string& path = selected.files.front().path;
  if (copy().add && !selected.directory && !source.downloaded) {
    UniqueFd file = TRY(source.tree->root().open_at(path, O_RDONLY | O_NONBLOCK));
    if (TRY(is_archive(file.get()))) {
      return copier.extract(*source.tree, path, copy().destination, cancel);
    }
  }
  return copier.copy(*source.tree, selected, copy().destination, cancel);
}

Result<StepResult> CopyStep::perform(const std::vector<StepResult>& inputs,
                                     const CancelToken& cancel) {
  TRY(unpack_base());
  TRY(open_source(inputs));
  TRY(choose(cancel));
  Workspace space = TRY(Workspace::make(site().site, inputs[0].id));
  {
    sys::RootDir root = TRY(sys::RootDir::open(space.root()));
    CopyAttributes attributes;
    if (!copy().chown.empty()) attributes.owner = TRY(parse_owner(root, copy().chown));
    if (!copy().chmod.empty()) attributes.mode = TRY(parse_mode(copy().chmod));
    Copier copier(root, attributes);
    for (const Chosen& source : chosen_) {
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
