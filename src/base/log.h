// Logging to standard error: one line an event, "time level message key=value...".
//
//   log_info(cat("container ", id, " started"));
//
// Never log a secret, an environment variable's value or an authorization header.
// Thread-safe.
#pragma once

#include <string_view>

#include "base/result.h"

namespace skiff {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

// The level called "debug", "info", "warn" or "error"; any other name is kInvalidArgument.
Result<LogLevel> log_level_named(std::string_view name);

// Messages below `level` are dropped. The default is kInfo.
void set_log_level(LogLevel level);

void log_debug(std::string_view message);
void log_info(std::string_view message);
void log_warn(std::string_view message);
void log_error(std::string_view message);

}  // namespace skiff
