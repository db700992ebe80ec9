// What only an engine on the same machine is told of a build: secrets, SSH agents and what RUN is
// allowed to do.
#pragma once

#include <string>

#include "cli/flags.h"

namespace skiff::cli {

// The value of X-Skiff-Build-Private for --secret, --ssh and --allow; "" where none is given.
Result<std::string> private_build_header(const Flags& flags);

}  // namespace skiff::cli
