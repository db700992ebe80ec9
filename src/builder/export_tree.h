// The files of images, mounted to be exported.
#pragma once

#include <memory>
#include <vector>

#include "builder/export_output.h"
#include "builder/workspace.h"

namespace skiff::builder {

class ExportedTrees {
 public:
  // Of the images that `target` leads to; unpacks what is not yet. `time`: of all files, where one
  // is given.
  static Result<ExportedTrees> mount(Site& site, const oci::Descriptor& target,
                                     const std::optional<TimePoint>& time,
                                     const CancelToken& cancel);
  std::span<const ExportedTree> trees() const { return trees_; }
  // All of them as one tar, owners in numbers, each in the directory of its name.
  Result<> write_tar(Sink& to, const CancelToken& cancel) const;

 private:
  std::vector<std::unique_ptr<MountedView>> mounts_;
  std::vector<ExportedTree> trees_;
};

}  // namespace skiff::builder
