#include "builder/export_tree.h"

#include "base/strings.h"
#include "builder/export_tar.h"
#include "snapshot/diff_source.h"
#include "snapshot/layer_diff.h"

namespace skiff::builder {

namespace {

// "linux_arm_v7", as buildx names directories.
std::string directory_of(const oci::Platform& platform) {
  return replace_all(platform.normalized().str(), "/", "_");
}

}  // namespace

Result<ExportedTrees> ExportedTrees::mount(Site& site, const oci::Descriptor& target,
                                           const std::optional<TimePoint>& time,
                                           const CancelToken& cancel) {
  ExportedTrees out;
  const auto images = TRY(site.images.platforms_of(target));
  for (const images::Image& image : images) {
    const auto unsaid = [](const images::ProgressEvent&) {};
    const std::string snapshot = TRY(site.images.unpack(image, unsaid, cancel));
    out.mounts_.push_back(TRY(MountedView::make(site, snapshot)));
    out.trees_.push_back({images.size() == 1 ? "" : directory_of(image.config.platform),
                          out.mounts_.back()->root(), time});
  }
  return out;
}

Result<> ExportedTrees::write_tar(Sink& to, const CancelToken& cancel) const {
  TarWriter tar(to);
  for (const ExportedTree& tree : trees_) {
    snapshot::DiffSource files([&](Sink& into) { return snapshot::write_tree(tree.root, into); },
                               cancel);
    TRY(copy_tar(files, {.directory = tree.name, .every = tree.time}, tar));
  }
  return tar.finish();
}

}  // namespace skiff::builder
