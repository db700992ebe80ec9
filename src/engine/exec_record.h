// What a monitor keeps of an exec session, in the daemon's words: a daemon that follows this one
// tells of the session as this one did.
#pragma once

#include <string>

#include "engine/streams.h"

namespace skiff::engine {

// Without what only the start of the process needs. Of a very long command the program alone.
std::string exec_record(const ExecConfig& config);
// Of a record that is none an empty configuration.
ExecConfig exec_config_from(const std::string& record);

}  // namespace skiff::engine
