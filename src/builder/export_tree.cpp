#include "builder/export_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "base/strings.h"
#include "builder/export_tar.h"
#include "builder/source_walk.h"
#include "snapshot/diff_source.h"
#include "snapshot/layer_diff.h"
#include "sys/root_dir.h"

namespace skiff::builder {

std::string directory_of(const oci::Platform& platform) {
  return replace_all(platform.normalized().str(), "/", "_");
}

namespace {

// What trees have that are to be in one directory, by paths.
class Places {
 public:
  // Directories may be several's. In BuildKit's words.
  Result<> add(const sys::RootDir& root, const std::string& directory, const std::string& platform,
               const CancelToken& cancel) {
    const UniqueFd listed = TRY(root.open_at(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    for (const std::string& name : TRY(names_in(listed.get()))) {
      TRY(cancel.check());
      const std::string path = directory == "." ? name : cat(directory, "/", name);
      const bool is_directory = S_ISDIR(TRY(root.lstat(path)).st_mode);
      const auto [before, is_new] = places_.try_emplace(path, Place{platform, is_directory});
      if (!is_new && !(before->second.is_directory && is_directory)) {
        return Error(Code::kInvalidArgument,
                     cat("cannot overwrite ", path, " from ", before->second.platform, " with ",
                         platform, " when split option is disabled"));
      }
      if (is_directory) TRY(add(root, path, platform, cancel));
    }
    return {};
  }

 private:
  struct Place {
    std::string platform;
    bool is_directory = false;
  };
  std::map<std::string, Place> places_;
};

// At the top, in place of a file of that name.
Result<> put_file(const sys::RootDir& root, const std::string& name, std::string_view text) {
  ::unlinkat(root.fd(), name.c_str(), 0);
  const UniqueFd file =
      TRY(root.open_at(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  return FdSink(file.get()).write(text);
}

}  // namespace

Result<ExportedTrees> ExportedTrees::mount(Site& site, const oci::Descriptor& target,
                                           const Form& form, const CancelToken& cancel) {
  ExportedTrees out;
  const auto images = TRY(site.images.platforms_of(target));
  const bool splits = form.split.value_or(images.size() > 1);
  Places places;
  for (const images::Image& image : images) {
    const auto unsaid = [](const images::ProgressEvent&) {};
    const std::string snapshot = TRY(site.images.unpack(image, unsaid, cancel));
    Path root;
    if (form.beside) {
      out.writable_.push_back(TRY(Workspace::make(site, snapshot)));
      root = out.writable_.back().root();
      const auto files = TRY(form.beside(image, root));
      const sys::RootDir top = TRY(sys::RootDir::open(root));
      for (const auto& [name, text] : files) TRY(put_file(top, name, text));
    } else {
      out.mounts_.push_back(TRY(MountedView::make(site, snapshot)));
      root = out.mounts_.back()->root();
    }
    if (!splits && images.size() > 1) {
      const sys::RootDir top = TRY(sys::RootDir::open(root));
      TRY(places.add(top, ".", image.config.platform.normalized().str(), cancel));
    }
    out.trees_.push_back({splits ? directory_of(image.config.platform) : "", root, form.time});
  }
  return out;
}

Result<> ExportedTrees::write_tar(Sink& to, const CancelToken& cancel) const {
  TarWriter tar(to);
  std::set<std::string> directories;
  for (const ExportedTree& tree : trees_) {
    snapshot::DiffSource files([&](Sink& into) { return snapshot::write_tree(tree.root, into); },
                               cancel);
    TRY(copy_tar(files, {.directory = tree.name, .every = tree.time, .directories = &directories},
                 tar));
  }
  return tar.finish();
}

}  // namespace skiff::builder
