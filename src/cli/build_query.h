// The parameters of POST /build that build's flags make.
#pragma once

#include <string>

#include "cli/session.h"

namespace skiff::cli {

// `outputs` is BuildOutputs::parameter().
Result<std::string> build_query(const Flags& flags, const std::string& dockerfile,
                                const std::string& outputs);

}  // namespace skiff::cli
