#include "engine/copy_up.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/strings.h"
#include "engine/container_tree.h"
#include "engine/tree.h"

namespace skiff::engine {

namespace {

Result<> copy_one(const sys::RootDir& root, const CopyUp& wanted) {
  auto from = root.open_at(wanted.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (!from) return {};  // the image has nothing there
  UniqueFd to = TRY(open_file(wanted.volume, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  TRY(copy_contents(from->get(), to.get()));
  struct stat st{};
  if (::fstat(from->get(), &st) != 0 || ::fchown(to.get(), st.st_uid, st.st_gid) != 0 ||
      ::fchmod(to.get(), st.st_mode & 07777) != 0) {
    return Error::from_errno(errno, cat("set owner and mode of ", wanted.volume.string()));
  }
  return {};
}

}  // namespace

Result<> copy_image_content(Core& core, const ContainerPaths& paths, const std::string& snapshot,
                            const std::vector<CopyUp>& wanted) {
  std::vector<CopyUp> empty;
  for (const CopyUp& one : wanted) {
    std::error_code ec;
    if (std::filesystem::is_empty(one.volume, ec)) empty.push_back(one);
  }
  if (empty.empty()) return {};
  TreeOptions options;
  options.rootfs = paths.rootfs();
  options.find = [&] { return core.images.snapshots().mount_of(snapshot); };
  Result<> copied = with_container_tree(options, [&](const sys::RootDir& root) -> Result<> {
    for (const CopyUp& one : empty) {
      TRY_CONTEXT(copy_one(root, one), cat("copy image content to volume at ", one.path));
    }
    return {};
  });
  TRY(remove_tree(paths.run));
  return copied;
}

}  // namespace skiff::engine
