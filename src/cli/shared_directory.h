// A directory that the engine on this machine reads through a descriptor of ours.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/file.h"
#include "cli/session.h"

namespace skiff::cli {

struct SharedDirectory {
  std::string name;                         // for X-Skiff-Directory
  std::unique_ptr<net::Stream> connection;  // it is shared for as long as this stands
};

// nullopt where that cannot be: another machine, another user, an engine that does not know how,
// a directory that we may not read.
std::optional<SharedDirectory> share_directory(Session& session, const Path& directory);

}  // namespace skiff::cli
