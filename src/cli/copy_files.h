// `cp`: files and directories between a container and this machine, as tar archives.
#pragma once

#include "cli/session.h"

namespace skiff::cli {

Outcome copy_files(Session& session, Flags& flags);

}  // namespace skiff::cli
