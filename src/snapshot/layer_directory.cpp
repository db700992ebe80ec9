#include "snapshot/layer_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.h"
#include "snapshot/file_attributes.h"
#include "snapshot/layer_apply.h"

namespace skiff::snapshot {

bool is_present(const Path& path) { return ::access(path.c_str(), F_OK) == 0; }

Result<> make_tree(const Path& layer, const std::vector<Path>& lowers) {
  Path tree = layer / kTreeName;
  TRY(make_directories(tree));
  UniqueFd fd = TRY(open_file(tree, O_RDONLY | O_DIRECTORY));
  if (lowers.empty()) {
    if (::fchmod(fd.get(), 0755) == 0) return {};
    return Error::from_errno(errno, cat("chmod ", tree.native()));
  }
  UniqueFd below = TRY(open_file(lowers.front(), O_RDONLY | O_DIRECTORY));
  return copy_directory_attributes(below.get(), fd.get()).context(tree.native());
}

Result<> unpack_layer(const Path& layer, const std::vector<Path>& lowers, Source& tar,
                      const CancelToken& cancel) {
  TRY(make_tree(layer, lowers));
  TRY(apply_layer(layer / kTreeName, lowers, tar, cancel));
  return sync_file_system(layer);
}

Result<> sync_file_system(const Path& directory) {
  UniqueFd fd = TRY(open_file(directory, O_RDONLY | O_DIRECTORY));
  if (::syncfs(fd.get()) != 0) return Error::from_errno(errno, cat("sync ", directory.native()));
  return {};
}

}  // namespace skiff::snapshot
