// Reading what a container with the log driver `journald` has written, through systemd's
// journalctl: its library is the one thing that knows the journal's files.
#pragma once

#include "engine/core.h"
#include "engine/logs.h"
#include "engine/wait_slot.h"

namespace skiff::engine {

// All that the journal has of the container, through `consume`, which says false to end it. With
// `ended` (of a container that runs) also what comes until that is told. kUnavailable where there
// is no journalctl or no journal.
Result<> read_journal(Core& core, const ContainerInfo& info, const LogOptions& options,
                      const WaitSlot* ended, const std::function<Result<bool>(LogEntry)>& consume,
                      const CancelToken& cancel);

// An entry as journalctl exports it.
LogEntry journal_entry(const std::map<std::string, std::string>& fields);

}  // namespace skiff::engine
