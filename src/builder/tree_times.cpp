#include "builder/tree_times.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "base/strings.h"
#include "sys/root_dir.h"

namespace skiff::builder {

Result<> set_tree_times(const Path& directory, TimePoint time) {
  const sys::RootDir root = TRY(sys::RootDir::open(directory));
  const timespec times[2] = {{0, UTIME_OMIT}, {unix_seconds(time), 0}};
  std::error_code error;
  std::filesystem::recursive_directory_iterator it(directory, error);
  for (const std::filesystem::recursive_directory_iterator end; !error && it != end;
       it.increment(error)) {
    const std::string path = it->path().lexically_relative(directory).native();
    const sys::Place place = TRY(root.place_of(path));
    if (::utimensat(place.parent.get(), place.name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
      return Error::from_errno(errno, cat("set time of ", path));
    }
  }
  if (error) return Error::from_errno(error.value(), cat("read ", directory.native()));
  const UniqueFd own = TRY(root.open_at("", O_RDONLY | O_DIRECTORY));
  if (::futimens(own.get(), times) == 0) return {};
  return Error::from_errno(errno, cat("set time of ", directory.native()));
}

}  // namespace skiff::builder
