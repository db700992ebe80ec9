// Where a directory's files come from: the repository that it is in, as its own program git says.
#pragma once

#include <optional>
#include <string>

namespace skiff::cli {

struct BuildOrigin {
  std::string repository;  // of the remote "origin", without who may read it; "" for none
  std::string commit;      // with "-dirty" behind it where tracked files were changed since
};

// nullopt where it is in none, or git is not here.
std::optional<BuildOrigin> find_origin(const std::string& directory);

}  // namespace skiff::cli
