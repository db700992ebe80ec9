#include "builder/export_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strings.h"
#include "builder/export_tar.h"
#include "snapshot/diff_source.h"
#include "snapshot/layer_diff.h"
#include "sys/root_dir.h"

namespace skiff::builder {

namespace {

// "linux_arm_v7", as buildx names directories.
std::string directory_of(const oci::Platform& platform) {
  return replace_all(platform.normalized().str(), "/", "_");
}

// At the top, in place of a file of that name.
Result<> put_file(const sys::RootDir& root, const std::string& name, std::string_view text) {
  ::unlinkat(root.fd(), name.c_str(), 0);
  const UniqueFd file =
      TRY(root.open_at(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  return FdSink(file.get()).write(text);
}

}  // namespace

Result<ExportedTrees> ExportedTrees::mount(Site& site, const oci::Descriptor& target,
                                           const std::optional<TimePoint>& time,
                                           const CancelToken& cancel, const Beside& beside) {
  ExportedTrees out;
  const auto images = TRY(site.images.platforms_of(target));
  for (const images::Image& image : images) {
    const auto unsaid = [](const images::ProgressEvent&) {};
    const std::string snapshot = TRY(site.images.unpack(image, unsaid, cancel));
    Path root;
    if (beside) {
      out.writable_.push_back(TRY(Workspace::make(site, snapshot)));
      root = out.writable_.back().root();
      const auto files = TRY(beside(image, root));
      const sys::RootDir top = TRY(sys::RootDir::open(root));
      for (const auto& [name, text] : files) TRY(put_file(top, name, text));
    } else {
      out.mounts_.push_back(TRY(MountedView::make(site, snapshot)));
      root = out.mounts_.back()->root();
    }
    out.trees_.push_back(
        {images.size() == 1 ? "" : directory_of(image.config.platform), root, time});
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
