#include "engine/log_drivers.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/size.h"
#include "base/strings.h"
#include "base/truth.h"
#include "engine/log_attributes.h"
#include "runtime/journal_writer.h"

namespace skiff::engine {

namespace {

struct LogDriver {
  std::string_view name;
  std::vector<std::vector<std::string_view>> options;
  uint64_t max_bytes = 0;  // where max-size does not say; 0: no rotation
  int max_files = 1;
  bool compressed = false;
};

constexpr uint64_t kLocalMaxBytes = uint64_t{20} << 20;
constexpr int kLocalMaxFiles = 5;
constexpr uint64_t kMostFiles = 1000;

const std::array<LogDriver, 4>& drivers() {
  static const std::vector<std::string_view> kOfAll = {
      "labels", "labels-regex", "env", "env-regex", "tag", "mode", "max-buffer-size"};
  static const std::vector<std::string_view> kOfFiles = {"max-size", "max-file", "compress"};
  static const std::array<LogDriver, 4> kDrivers = {
      {{"journald", {kOfAll}},
       {"json-file", {kOfAll, kOfFiles}},
       {"local", {kOfAll, kOfFiles}, kLocalMaxBytes, kLocalMaxFiles, true},
       {"none", {}}}};
  return kDrivers;
}

bool has_option(const LogDriver& driver, std::string_view key) {
  return std::any_of(driver.options.begin(), driver.options.end(), [&](const auto& group) {
    return std::find(group.begin(), group.end(), key) != group.end();
  });
}

const LogDriver* find_driver(std::string_view name) {
  auto found = std::find_if(drivers().begin(), drivers().end(),
                            [&](const LogDriver& driver) { return driver.name == name; });
  return found == drivers().end() ? nullptr : found;
}

// Docker counts the sizes of logs in powers of 1000.
Result<uint64_t> log_bytes(const std::string& value) {
  const int64_t size =
      TRY_CONTEXT(parse_size(value, SizeUnits::kDecimal), "invalid value for max-size");
  if (size == 0) return invalid_argument("max-size must be a positive number");
  return static_cast<uint64_t>(size);
}

// What of `options` is about files; the driver's defaults where they say nothing.
struct FileOptions {
  uint64_t max_bytes = 0;
  int max_files = 1;
  bool compressed = false;
};

Result<FileOptions> file_options(const LogDriver& driver,
                                 const std::map<std::string, std::string>& options) {
  FileOptions files{driver.max_bytes, driver.max_files, driver.compressed};
  for (const auto& [key, value] : options) {
    if (key == "max-size") files.max_bytes = TRY(log_bytes(value));
    if (key == "max-file") files.max_files = static_cast<int>(parse_uint(value).value_or(1));
    if (key == "compress") files.compressed = parse_bool(value).value_or(false);
  }
  return files;
}

// Only what is rotated is compressed; in Docker's words.
Result<> check_compression(const LogDriver& driver,
                           const std::map<std::string, std::string>& options) {
  const FileOptions files = TRY(file_options(driver, options));
  if (!files.compressed || (files.max_files > 1 && files.max_bytes > 0)) return {};
  if (driver.compressed)
    return invalid_argument("compression cannot be enabled when max file count is 1");
  return invalid_argument(
      "compress cannot be true when max-file is less than 2 or max-size is not set");
}

Result<> check_option(const LogDriver& driver, const std::string& key, const std::string& value) {
  if (!has_option(driver, key)) {
    return invalid_argument(cat("unknown log opt '", key, "' for ", driver.name, " log driver"));
  }
  if (key == "max-size") TRY(log_bytes(value));
  if (key == "max-file") {
    const auto files = parse_uint(value);
    if (!files || *files == 0 || *files > kMostFiles) {
      return invalid_argument(cat("invalid value for max-file: ", skiff::quoted(value),
                                  ": it is from 1 to ", kMostFiles));
    }
  }
  if (key == "compress" && !parse_bool(value)) {
    return invalid_argument(cat("invalid boolean value for compress: ", skiff::quoted(value)));
  }
  if (key == "tag") TRY(expand_tag(value, {}));
  if (key.ends_with("-regex")) TRY_CONTEXT(check_pattern(value), cat("log opt '", key, "'"));
  if (key == "mode" && value != "blocking" && value != "non-blocking" && !value.empty()) {
    return invalid_argument(cat("logger: logging mode not supported: ", value));
  }
  if (key == "max-buffer-size") TRY_CONTEXT(parse_size(value), "log opt 'max-buffer-size'");
  return {};
}

// In Docker's words for the one option that needs another.
Result<> check_mode(const std::map<std::string, std::string>& options) {
  auto mode = options.find("mode");
  if (!options.contains("max-buffer-size")) return {};
  if (mode != options.end() && mode->second == "non-blocking") return {};
  return invalid_argument(
      "logger: max-buffer-size option is only supported with 'mode=non-blocking'");
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
  return invalid_argument(cat("logger: no log driver named '", name, "' is registered"));
}

Result<> check_log_options(const std::string& driver,
                           const std::map<std::string, std::string>& options) {
  TRY(check_log_driver(driver));
  // As Docker: who keeps nothing may say anything of it.
  if (driver == "none") return {};
  for (const auto& [key, value] : options) TRY(check_option(*find_driver(driver), key, value));
  TRY(check_compression(*find_driver(driver), options));
  return check_mode(options);
}

void add_default_logging(HostConfig& host, const std::string& driver,
                         const std::map<std::string, std::string>& options) {
  if (host.log_driver.empty()) host.log_driver = driver;
  if (host.log_driver == driver) host.log_options.insert(options.begin(), options.end());
}

Result<> check_logging(const HostConfig& host, std::vector<std::string>& warnings) {
  TRY(check_log_options(host.log_driver, host.log_options));
  const runtime::JournalOptions journal;
  std::error_code ignored;
  if (host.log_driver == "journald" && !std::filesystem::exists(journal.socket, ignored)) {
    warnings.push_back(cat("journald is not enabled on this host: there is no ",
                           journal.socket.native(),
                           ", and output beyond 1 MiB is lost until there is"));
  }
  return {};
}

bool keeps_log_file(const std::string& driver) {
  return driver == "json-file" || driver == "local";
}

Result<> check_has_logs(const std::string& driver) {
  if (keeps_log_file(driver) || driver == "journald") return {};
  return Error(Code::kUnimplemented, "configured logging driver does not support reading");
}

Result<> set_log_options(const ContainerInfo& info, runtime::MonitorOptions& options) {
  const HostConfig& host = info.host_config;
  const LogDriver* driver = find_driver(host.log_driver);
  options.log_driver = host.log_driver;
  if (keeps_log_file(host.log_driver)) options.log_file = info.log_path;
  if (host.log_driver == "journald") options.journal_fields = TRY(journal_fields(info));
  if (host.log_driver == "json-file") options.log_attributes = log_attributes(info);
  if (driver != nullptr) {
    const FileOptions files = TRY(file_options(*driver, host.log_options));
    options.log_max_bytes = files.max_bytes;
    options.log_max_files = files.max_files;
    options.log_compressed = files.compressed;
  }
  return {};
}

}  // namespace skiff::engine
