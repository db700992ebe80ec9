// The files of images, mounted to be exported.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "builder/export_output.h"
#include "builder/workspace.h"

namespace skiff::builder {

// "linux_arm_v7", as buildx names directories.
std::string directory_of(const oci::Platform& platform);

class ExportedTrees {
 public:
  // What is to stand beside an image's files, at the top: texts by the names of their files.
  using Beside = std::function<Result<std::map<std::string, std::string>>(const images::Image&,
                                                                          const Path& root)>;
  struct Form {
    std::optional<TimePoint> time = std::nullopt;  // of all files
    // Each in a directory of its own; by default where there are several.
    std::optional<bool> split = std::nullopt;
    Beside beside = {};
  };
  // Of the images that `target` leads to; unpacks what is not yet. kInvalidArgument where they are
  // to be in one directory, and two have the same file.
  static Result<ExportedTrees> mount(Site& site, const oci::Descriptor& target, const Form& form,
                                     const CancelToken& cancel);
  std::span<const ExportedTree> trees() const { return trees_; }
  // All of them as one tar, owners in numbers, each in the directory of its name.
  Result<> write_tar(Sink& to, const CancelToken& cancel) const;

 private:
  std::vector<std::unique_ptr<MountedView>> mounts_;
  std::vector<Workspace> writable_;  // instead of a view, where something stands beside
  std::vector<ExportedTree> trees_;
};

}  // namespace skiff::builder
