// `docker top`: the host's ps, only the lines of one container's processes.
#pragma once

#include "engine/core.h"

namespace skiff::engine {

Result<TopResult> list_processes(Core& core, const Container& container,
                                 const std::string& ps_arguments);

// The columns of what ps printed, for the processes `pids`; the last column may hold blanks.
Result<TopResult> parse_ps(std::string_view output, const std::vector<pid_t>& pids);

}  // namespace skiff::engine
