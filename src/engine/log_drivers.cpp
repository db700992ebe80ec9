#include "engine/log_drivers.h"

#include <algorithm>
#include <array>

#include "base/size.h"
#include "base/strings.h"

namespace skiff::engine {

namespace {

struct LogDriver {
  std::string_view name;
  std::vector<std::string_view> options;
  uint64_t max_bytes = 0;  // where max-size does not say; 0: no rotation
  int max_files = 1;
};

constexpr uint64_t kLocalMaxBytes = uint64_t{20} << 20;
constexpr int kLocalMaxFiles = 5;
constexpr uint64_t kMostFiles = 1000;

const std::array<LogDriver, 3>& drivers() {
  static const std::array<LogDriver, 3> kDrivers = {
      {{"json-file", {"max-size", "max-file", "labels", "env", "tag"}},
       {"local", {"max-size", "max-file", "compress"}, kLocalMaxBytes, kLocalMaxFiles},
       {"none", {"max-size", "max-file", "labels", "env", "tag"}}}};
  return kDrivers;
}

const LogDriver* find_driver(std::string_view name) {
  auto found = std::find_if(drivers().begin(), drivers().end(),
                            [&](const LogDriver& driver) { return driver.name == name; });
  return found == drivers().end() ? nullptr : found;
}

Error refuse(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }

Result<> check_option(const LogDriver& driver, const std::string& key, const std::string& value) {
  if (std::find(driver.options.begin(), driver.options.end(), key) == driver.options.end()) {
    return refuse(cat("unknown log opt '", key, "' for ", driver.name, " log driver"));
  }
  if (key == "max-size") {
    uint64_t size = TRY_CONTEXT(parse_size(value), "invalid value for max-size");
    if (size == 0 && driver.name == "local") return refuse("max-size must be a positive number");
  } else if (key == "max-file") {
    auto files = parse_uint(value);
    if (!files || *files == 0 || *files > kMostFiles) {
      return refuse(cat("invalid value for max-file: ", value));
    }
  } else if (key == "compress") {
    constexpr std::array kFalse = {"0", "f", "F", "false", "FALSE", "False"};
    if (std::find(kFalse.begin(), kFalse.end(), value) == kFalse.end()) {
      return refuse(
          cat("log opt 'compress' of the local log driver can only be false: rotated "
              "files are not compressed (asked for: ",
              skiff::quoted(value), ")"));
    }
  }
  return {};
}

}  // namespace

std::vector<std::string> log_driver_names() {
  std::vector<std::string> names;
  for (const LogDriver& driver : drivers()) {
    if (driver.name != "none") names.emplace_back(driver.name);
  }
  return names;
}

Result<> check_log_driver(const std::string& name) {
  if (find_driver(name) != nullptr) return {};
  return refuse(cat("logger: no log driver named '", name, "' is registered"));
}

Result<> check_logging(const HostConfig& host) {
  TRY(check_log_driver(host.log_driver));
  for (const auto& [key, value] : host.log_options) {
    TRY(check_option(*find_driver(host.log_driver), key, value));
  }
  return {};
}

bool keeps_log_file(const std::string& driver) {
  return driver == "json-file" || driver == "local";
}

Result<> set_log_options(const HostConfig& host, const Path& log_path,
                         runtime::MonitorOptions& options) {
  const LogDriver* driver = find_driver(host.log_driver);
  options.log_driver = host.log_driver;
  if (keeps_log_file(host.log_driver)) options.log_file = log_path;
  if (driver != nullptr) {
    options.log_max_bytes = driver->max_bytes;
    options.log_max_files = driver->max_files;
  }
  for (const auto& [key, value] : host.log_options) {
    if (key == "max-size") options.log_max_bytes = TRY(parse_size(value));
    if (key == "max-file") {
      options.log_max_files = static_cast<int>(parse_uint(value).value_or(1));
    }
  }
  return {};
}

}  // namespace skiff::engine
