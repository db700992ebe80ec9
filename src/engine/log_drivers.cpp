#include "engine/log_drivers.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>

#include "base/size.h"
#include "base/strings.h"
#include "runtime/journal_writer.h"

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

const std::array<LogDriver, 4>& drivers() {
  static const std::array<LogDriver, 4> kDrivers = {
      {{"journald", {"labels", "env", "tag"}},
       {"json-file", {"max-size", "max-file", "labels", "env", "tag"}},
       {"local", {"max-size", "max-file", "compress"}, kLocalMaxBytes, kLocalMaxFiles},
       {"none", {"max-size", "max-file", "labels", "env", "tag"}}}};
  return kDrivers;
}

const LogDriver* find_driver(std::string_view name) {
  auto found = std::find_if(drivers().begin(), drivers().end(),
                            [&](const LogDriver& driver) { return driver.name == name; });
  return found == drivers().end() ? nullptr : found;
}

std::string variable(const std::vector<std::string>& env, const std::string& name) {
  for (const std::string& entry : env) {
    if (entry.starts_with(name + "=")) return entry.substr(name.size() + 1);
  }
  return "";
}

std::string option(const ContainerInfo& info, const std::string& name) {
  auto found = info.host_config.log_options.find(name);
  return found == info.host_config.log_options.end() ? "" : found->second;
}

Error refuse(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }

// A tag's template: Go's, of which only the plain fields are known.
Result<std::string> expand_tag(std::string_view tag, const ContainerInfo& info) {
  constexpr size_t kShort = 12;
  const std::string digest = info.image_id.substr(info.image_id.find(':') + 1);
  const std::map<std::string_view, std::string> fields = {{".ID", info.id.substr(0, kShort)},
                                                          {".FullID", info.id},
                                                          {".Name", info.name},
                                                          {".ImageName", info.config.image},
                                                          {".ImageID", digest.substr(0, kShort)},
                                                          {".ImageFullID", info.image_id},
                                                          {".DaemonName", "skiff"}};
  std::string out;
  for (;;) {
    const size_t open = tag.find("{{");
    out.append(tag.substr(0, open));
    if (open == std::string_view::npos) return out;
    const size_t close = tag.find("}}", open);
    const std::string_view name = close == std::string_view::npos
                                      ? std::string_view()
                                      : trim(tag.substr(open + 2, close - open - 2));
    auto found = fields.find(name);
    if (found == fields.end()) {
      return refuse(cat("log opt 'tag': ", skiff::quoted(tag.substr(open)),
                        " is unknown: there are {{.ID}}, {{.FullID}}, {{.Name}}, {{.ImageName}}, "
                        "{{.ImageID}}, {{.ImageFullID}} and {{.DaemonName}}"));
    }
    out.append(found->second);
    tag.remove_prefix(close + 2);
  }
}

// As the journal takes it, and docker makes it of a label's name: A_B of "a.b".
std::string journal_name(std::string_view name) {
  std::string out;
  for (char c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (!out.empty() || plain) out += plain ? c : '_';
  }
  return to_upper(out);
}

Result<std::map<std::string, std::string>> journal_fields(const ContainerInfo& info) {
  constexpr size_t kShort = 12;
  std::string tag = option(info, "tag");
  if (tag.empty()) tag = "{{.ID}}";
  tag = TRY(expand_tag(tag, info));
  std::map<std::string, std::string> fields;
  for (const auto& [name, value] : log_attributes(info)) {
    if (std::string field = journal_name(name); !field.empty()) fields[field] = value;
  }
  fields["CONTAINER_ID"] = info.id.substr(0, kShort);
  fields["CONTAINER_ID_FULL"] = info.id;
  fields["CONTAINER_NAME"] = info.name;
  fields["CONTAINER_TAG"] = tag;
  fields["IMAGE_NAME"] = info.config.image;
  fields["SYSLOG_IDENTIFIER"] = tag;
  return fields;
}

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
  } else if (key == "tag" && driver.name == "journald") {
    TRY(expand_tag(value, {}));
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

Result<> check_logging(const HostConfig& host, std::vector<std::string>& warnings) {
  TRY(check_log_driver(host.log_driver));
  for (const auto& [key, value] : host.log_options) {
    TRY(check_option(*find_driver(host.log_driver), key, value));
  }
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

std::map<std::string, std::string> log_attributes(const ContainerInfo& info) {
  std::map<std::string, std::string> out;
  for (const std::string& name : split(option(info, "labels"), ',')) {
    auto label = info.config.run.labels.find(name);
    if (label != info.config.run.labels.end()) out.insert(*label);
  }
  for (const std::string& name : split(option(info, "env"), ',')) {
    std::string value = variable(info.config.run.env, name);
    if (!name.empty() && !value.empty()) out.emplace(name, value);
  }
  return out;
}

Result<> set_log_options(const ContainerInfo& info, runtime::MonitorOptions& options) {
  const HostConfig& host = info.host_config;
  const LogDriver* driver = find_driver(host.log_driver);
  options.log_driver = host.log_driver;
  if (keeps_log_file(host.log_driver)) options.log_file = info.log_path;
  if (host.log_driver == "journald") options.journal_fields = TRY(journal_fields(info));
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
