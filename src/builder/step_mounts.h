// StepMounts: the mounts of one RUN: what they show, which decides whether it is cached, and how
// they come into its container.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "builder/agent_forward.h"
#include "builder/cache_mounts.h"
#include "builder/executor.h"
#include "builder/steps.h"
#include "sys/mounts.h"

namespace skiff::builder {

class StepMounts {
 public:
  // `inputs` of the calls below are the step's: its parent, then what the mounts' "from" name, in
  // their order.
  StepMounts(StepSite& site, const PlannedStep& step);
  StepMounts(const StepMounts&) = delete;
  StepMounts& operator=(const StepMounts&) = delete;

  KeyedBy keyed_by() const;
  KeyParts definition() const;
  Result<KeyParts> content(const std::vector<StepResult>& inputs, const CancelToken& cancel);

  // Until release() the mounts are as they should be.
  Result<RunFiles> make_ready(const std::vector<StepResult>& inputs, const Workspace& space,
                              const CancelToken& cancel);
  // Others may have the caches, and what was made for the step goes.
  void release();

 private:
  const std::vector<PlannedMount>& mounts() const;
  std::string name_of_mount(size_t index) const;
  Result<> add(size_t index, const std::vector<StepResult>& inputs, const Workspace& space,
               const CancelToken& cancel, RunFiles& out);
  Result<> add_bind(size_t index, const std::vector<StepResult>& inputs, const CancelToken& cancel,
                    RunFiles& out);
  // All caches that nobody else may use meanwhile. Every step takes them in the order of their
  // names, whatever that of its mounts: two that want the same ones never wait for one another.
  Result<> lock_caches(const std::vector<StepResult>& inputs, const CancelToken& cancel);
  Result<> add_cache(size_t index, const std::vector<StepResult>& inputs, const CancelToken& cancel,
                     RunFiles& out);
  Result<CacheMounts::Use> acquire(size_t index, const std::vector<StepResult>& inputs,
                                   const CancelToken& cancel);
  Result<> add_secret(size_t index, const Workspace& space, RunFiles& out);
  // In memory, never on a disk.
  Result<Path> secret_directory(const Workspace& space);
  Result<> add_agent(size_t index, const Workspace& space, RunFiles& out);
  void add_path(const PlannedMount& mount, const Path& path, bool directory, RunFiles& out) const;
  bool is_mapped() const { return site_.site.options.ids != nullptr; }

  // Where the files of a bind or the seed of a cache come from, to be looked at.
  Result<SourceTree*> tree_of(size_t index, const std::vector<StepResult>& inputs,
                              const CancelToken& cancel);
  struct Files {
    Path path;
    bool directory = true;
  };
  Result<Files> files_for_step(size_t index, const std::vector<StepResult>& inputs,
                               const CancelToken& cancel);
  Result<Files> copy_of_files(SourceTree& tree, const std::string& source,
                              const CancelToken& cancel);
  const StepResult& input_of(size_t index, const std::vector<StepResult>& inputs) const;
  Result<> unpack_source(const PlannedMount& mount);

  struct View {
    std::unique_ptr<MountedView> mounted;
    std::unique_ptr<SourceTree> tree;
  };

  StepSite& site_;
  const PlannedStep& step_;
  std::vector<View> views_;  // of each mount
  std::optional<sys::MountPoint> secrets_;
  std::vector<Workspace> scratch_;
  std::vector<TempDir> copies_;
  std::vector<CacheMounts::Use> caches_;
  std::map<std::string, Path> locked_caches_;  // of those that this step has locked, by id
  std::vector<std::unique_ptr<AgentForward>> agents_;
};

}  // namespace skiff::builder
