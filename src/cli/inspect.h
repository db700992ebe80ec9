// `inspect` of objects of one type or of any.
#pragma once

#include <string>

#include "cli/session.h"

namespace skiff::cli {

// Prints what the arguments name as a JSON list, or by --format; what is not there is said
// afterwards, with exit code 1. `type`: container, image, network, volume, or "" for the first
// of them that knows the name.
Outcome inspect(Session& session, const Flags& flags, const std::string& type);

}  // namespace skiff::cli
