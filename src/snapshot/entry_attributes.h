// Gives what was unpacked the attributes of its entry. Errors say what was being set.
#pragma once

#include <optional>
#include <string>

#include "codec/tar.h"
#include "snapshot/file_attributes.h"

namespace skiff::snapshot {

// What a directory gets once nothing changes in it any more.
struct DirectoryAttributes {
  uint32_t mode = 0755;
  uid_t uid = 0;
  gid_t gid = 0;
  std::optional<timespec> mtime;
  Xattrs xattrs;
};
Result<> set_directory_attributes(int directory, const DirectoryAttributes& attributes);

// Of a regular file that was just made, open as `fd`.
Result<> set_file_attributes(int fd, int parent, const std::string& name, const TarEntry& entry);

// Of anything that cannot be opened without an effect.
Result<> set_special_attributes(int parent, const std::string& name, const TarEntry& entry);

}  // namespace skiff::snapshot
