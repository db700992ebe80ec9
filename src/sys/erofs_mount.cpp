#include "sys/erofs_mount.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/strings.h"
#include "sys/mounts.h"

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

}  // namespace

Result<UniqueFd> mount_erofs(const Path& index, const Path& data) {
  std::vector<UniqueFd> open;
  const std::string index_name = TRY(option_path(index, O_RDONLY, open));
  const std::string data_name = TRY(option_path(data, O_RDONLY, open));
  FilesystemOptions wanted{.type = "erofs", .attributes = MOUNT_ATTR_RDONLY};
  wanted.source = index_name;
  wanted.options = {{"ro", ""}, {"device", data_name}};
  // Linux 6.12 up to 6.12.6 has no such option: it reads so in any case.
  if (takes_direct_reads(data) && takes_direct_reads(index)) wanted.flags_if_known = {"directio"};
  return new_filesystem(wanted).context(cat("index ", index.native()));
}

}  // namespace skiff::sys
