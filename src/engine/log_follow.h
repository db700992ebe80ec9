// Reading a container's log for a client: which entries, and how long to wait for more.
#pragma once

#include "engine/core.h"
#include "runtime/log_writer.h"

namespace skiff::engine {

// As Streams::logs().
Result<> read_logs(Core& core, Container& container, const LogOptions& options,
                   const LogConsumer& consume, const CancelToken& cancel);

// Of the files that LogReader reads.
runtime::LogFormat log_format(const ContainerInfo& info);

// kUnimplemented where the container's log driver keeps no file to read.
Result<> check_log_readable(const ContainerInfo& info);

}  // namespace skiff::engine
