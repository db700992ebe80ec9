#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/strings.h"

namespace skiff {

static spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = std::make_shared<spdlog::logger>("skiff",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *instance;
}

static spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      break;
  }
  return spdlog::level::err;
}

static void write(LogLevel level, std::string_view message) {
  logger().log(to_spdlog(level), "{}", spdlog::string_view_t(message.data(), message.size()));
}

Result<LogLevel> log_level_named(std::string_view name) {
  constexpr std::pair<std::string_view, LogLevel> kLevels[] = {{"debug", LogLevel::kDebug},
                                                               {"info", LogLevel::kInfo},
                                                               {"warn", LogLevel::kWarn},
                                                               {"error", LogLevel::kError}};
  for (const auto& [known, level] : kLevels) {
    if (known == name) return level;
  }
  return Error(Code::kInvalidArgument,
               cat("unknown log level ", quoted(name), ": choose debug, info, warn or error"));
}

void set_log_level(LogLevel level) { logger().set_level(to_spdlog(level)); }
void log_debug(std::string_view message) { write(LogLevel::kDebug, message); }
void log_info(std::string_view message) { write(LogLevel::kInfo, message); }
void log_warn(std::string_view message) { write(LogLevel::kWarn, message); }
void log_error(std::string_view message) { write(LogLevel::kError, message); }

}  // namespace skiff
