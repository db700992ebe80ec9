#include "sys/erofs_mount.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/strings.h"
#include "sys/mounts.h"
#include "sys/root_dir.h"

namespace skiff::sys {

namespace {

// The kernel reads whole 512-byte blocks; a file system on a disk of larger sectors refuses
// that past its page cache.
bool takes_direct_reads(const Path& file) {
  constexpr unsigned kBlock = 512;
  struct statx info{};
  if (::statx(AT_FDCWD, file.c_str(), 0, STATX_DIOALIGN, &info) != 0) return false;
  return (info.stx_mask & STATX_DIOALIGN) != 0 && info.stx_dio_offset_align != 0 &&
         info.stx_dio_offset_align <= kBlock;
}

// A file as fsconfig takes it: it refuses strings of 256 bytes, so a long path is named by a
// descriptor, which must stay open until the mount is made.
Result<std::string> mountable(const Path& path, UniqueFd& open) {
  if (path.native().size() < 256) return path.native();
  open = TRY(open_file(path, O_RDONLY));
  return fd_path(open.get());
}

}  // namespace

Result<UniqueFd> mount_erofs(const Path& index, const Path& data) {
  UniqueFd open_index;
  UniqueFd open_data;
  const std::string index_name = TRY(mountable(index, open_index));
  const std::string data_name = TRY(mountable(data, open_data));
  FilesystemOptions wanted{.type = "erofs", .attributes = MOUNT_ATTR_RDONLY};
  wanted.source = index_name;
  wanted.options = {{"ro", ""}, {"device", data_name}};
  if (takes_direct_reads(data) && takes_direct_reads(index)) {
    wanted.options.emplace_back("directio", "");
  }
  return new_filesystem(wanted).context(cat("index ", index.native()));
}

}  // namespace skiff::sys
