// Unpacks an archive that a container made below a directory of this machine. The container is
// not trusted: no name leaves the directory, and no symbolic link on the way is followed.
#pragma once

#include <functional>
#include <string>

#include "base/file.h"
#include "base/io.h"

namespace skiff::cli {

struct UnpackOptions {
  // The name below the directory for a name in the archive; "" is the directory itself.
  std::function<std::string(const std::string&)> place;
  bool owners = false;  // keep user and group
};

Result<> unpack(Source& archive, const Path& directory, const UnpackOptions& options);

}  // namespace skiff::cli
