// Logs: reading a container's json-file log while it may still be written.
//
// The file is lines of {"log":"text\n","stream":"stdout","time":"..."}; rotated ones stand
// beside it as NAME.1 (newer), NAME.2... Reading never disturbs the writer, the monitor.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/cancellation.h"
#include "base/clock.h"
#include "base/file.h"

namespace skiff::engine {

enum class StreamKind { kStdout = 1, kStderr = 2 };

struct LogEntry {
  StreamKind stream = StreamKind::kStdout;
  TimePoint time;
  std::string text;                               // with its newline where there was one
  std::map<std::string, std::string> attributes;  // --details
};

struct LogOptions {
  bool want_stdout = true;
  bool want_stderr = true;
  bool follow = false;           // go on until the container ends
  std::optional<uint64_t> tail;  // the last so many; nullopt: all
  std::optional<TimePoint> since;
  std::optional<TimePoint> until;
};

using LogConsumer = std::function<Result<>(const LogEntry&)>;

// The entry as the API prints it: time stamp with nine digits, details ("k=v,k2=v2 "), text.
std::string format_log_entry(const LogEntry& entry, bool timestamps, bool details);

}  // namespace skiff::engine
