#include "cli/option_values.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cmath>
#include <cstdlib>

#include "base/clock.h"
#include "base/duration.h"
#include "base/file.h"
#include "base/size.h"
#include "base/strings.h"
#include "cli/session.h"
#include "codec/csv.h"
#include "net/extra_host.h"
#include "net/ip_address.h"

namespace skiff::cli {

namespace {

// The lines of a file of variables or labels that say something.
Result<std::vector<std::string>> read_pairs(const std::string& file, bool from_environment) {
  auto text = read_file(file);
  if (!text) {
    if (text.error().code() != Code::kNotFound) return std::move(text.error());
    return Error(Code::kNotFound, cat("open ", file, ": no such file or directory"));
  }
  std::vector<std::string> out;
  for (const auto& line : split(*text, '\n')) {
    std::string_view rest = line;
    if (rest.ends_with('\r')) rest.remove_suffix(1);
    rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(" \t")));
    if (rest.empty() || rest.starts_with('#')) continue;
    std::string_view name = rest.substr(0, rest.find('='));
    if (name.empty()) {
      return Error(Code::kInvalidArgument,
                   cat("poorly formatted environment: no variable name on line '", line, "'"));
    }
    if (name.find_first_of(" \t") != std::string_view::npos) {
      return Error(Code::kInvalidArgument,
                   cat("poorly formatted environment: variable '", name, "' contains whitespaces"));
    }
    if (name.size() != rest.size() || !from_environment) {
      out.emplace_back(rest);
    } else if (const char* value = ::getenv(std::string(name).c_str())) {
      out.push_back(cat(name, "=", value));
    }
  }
  return out;
}

std::string seconds_text(int64_t nanos) {
  constexpr int64_t kNanos = 1'000'000'000;
  std::string fraction = cat(nanos % kNanos);
  return cat(nanos / kNanos, ".", std::string(9 - fraction.size(), '0'), fraction);
}

// "2013-01-02", "2013-01-02T13:23", with or without seconds, fraction and zone.
std::optional<TimePoint> date_of(std::string_view text) {
  std::string full(text);
  constexpr size_t kDate = 10;
  constexpr size_t kMinutes = 16;
  if (full.size() < kDate || full[4] != '-') return std::nullopt;
  if (full.size() == kDate) full += "T00:00:00";
  if (full.size() == kMinutes) full += ":00";
  if (full.back() != 'Z' && full.find_first_of("+-", kDate) == std::string::npos) full += "Z";
  auto time = parse_rfc3339(full);
  return time ? std::optional(*time) : std::nullopt;
}

bool is_ulimit(std::string_view name) {
  constexpr std::string_view kNames[] = {
      "as",   "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue",
      "nice", "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

// Labels of letters, digits, '-' and '_' with dots between them.
bool is_domain(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  for (const std::string& label : split(text, '.')) {
    if (label.empty() || label.front() == '-' || label.back() == '-') return false;
    const bool good = std::ranges::all_of(
        label, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
    if (!good) return false;
  }
  return true;
}

Result<> check_labels(std::string_view shown, const std::vector<std::string>& flags) {
  for (const std::string& flag : flags) {
    if (flag.starts_with('=')) {
      return bad_flag(shown, flag, cat("invalid label '", flag, "': empty name"));
    }
  }
  return {};
}

// Docker's list of what a client may ask for.
bool is_sysctl(std::string_view name) {
  constexpr std::string_view kNames[] = {"kernel.msgmax", "kernel.msgmnb",         "kernel.msgmni",
                                         "kernel.sem",    "kernel.shmall",         "kernel.shmmax",
                                         "kernel.shmmni", "kernel.shm_rmid_forced"};
  return name.starts_with("net.") || name.starts_with("fs.mqueue.") ||
         std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

}  // namespace

Result<std::vector<std::string>> split_fields(std::string_view flag, std::string_view text) {
  auto fields = parse_csv(text);
  if (!fields) return bad_flag(flag, text, fields.error().message());
  return fields;
}

Result<std::vector<std::string>> read_environment(const std::vector<std::string>& files,
                                                  const std::vector<std::string>& flags) {
  std::vector<std::string> out;
  for (const auto& file : files) {
    for (auto& pair : TRY(read_pairs(file, true))) out.push_back(std::move(pair));
  }
  for (const auto& flag : flags) {
    if (flag.empty() || flag.front() == '=') {
      return bad_flag("-e, --env", flag, cat("invalid environment variable: ", flag));
    }
    const char* own = flag.find('=') == std::string::npos ? ::getenv(flag.c_str()) : nullptr;
    out.push_back(own != nullptr ? cat(flag, "=", own) : flag);
  }
  return out;
}

json::Value key_values(const std::vector<std::string>& pairs) {
  json::Object out;
  for (const auto& pair : pairs) {
    size_t equals = std::min(pair.find('='), pair.size());
    out.set(pair.substr(0, equals), equals < pair.size() ? pair.substr(equals + 1) : "");
  }
  return out;
}

Result<json::Value> parse_labels(const std::vector<std::string>& flags) {
  TRY(check_labels("--label", flags));
  return key_values(flags);
}

Result<json::Value> read_labels(const std::vector<std::string>& files,
                                const std::vector<std::string>& flags) {
  std::vector<std::string> pairs;
  for (const auto& file : files) {
    for (auto& pair : TRY(read_pairs(file, false))) pairs.push_back(std::move(pair));
  }
  TRY(check_labels("-l, --label", flags));
  pairs.insert(pairs.end(), flags.begin(), flags.end());
  return key_values(pairs);
}

Result<int64_t> parse_duration(std::string_view flag, std::string_view text) {
  if (auto nanos = skiff::parse_duration(text)) return *nanos;
  bool number = !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos;
  return bad_flag(
      flag, text,
      cat("time: ", number ? "missing unit in" : "invalid", " duration ", skiff::quoted(text)));
}

Result<int64_t> parse_bytes(std::string_view flag, std::string_view text) {
  if (text == "-1" && flag == "--memory-swap") return int64_t{-1};
  auto size = parse_size(text);
  if (!size) return bad_flag(flag, text, size.error().message());
  return size;
}

Result<std::string> time_parameter(std::string_view text) {
  if (text.empty()) return std::string();
  if (auto nanos = skiff::parse_duration(text); nanos && text != "0") {
    return seconds_text(unix_nanos(Clock::system().now()) - *nanos);
  }
  if (auto time = date_of(text)) return seconds_text(unix_nanos(*time));
  std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.empty() || digits.find_first_not_of("0123456789.") != std::string_view::npos) {
    return Error(Code::kInvalidArgument,
                 cat("failed to parse value as time or duration: ", skiff::quoted(text)));
  }
  return std::string(text);
}

Result<> check_dns_servers(const std::vector<std::string>& flags) {
  for (const std::string& flag : flags) {
    if (!net::is_ip_address(flag)) {
      return bad_flag("--dns", flag, cat("IP address is not correctly formatted: ", flag));
    }
  }
  return {};
}

Result<> check_search_domains(const std::vector<std::string>& flags) {
  for (const std::string& flag : flags) {
    if (flag != "." && !is_domain(flag)) {
      return bad_flag("--dns-search", flag, cat(flag, " is not a valid domain"));
    }
  }
  return {};
}

Result<json::Value> parse_sysctls(const std::vector<std::string>& flags) {
  for (const std::string& flag : flags) {
    const std::string name = flag.substr(0, flag.find('='));
    if (name.size() == flag.size() || !is_sysctl(name)) {
      return bad_flag("--sysctl", flag, cat("sysctl '", flag, "' is not allowed"));
    }
  }
  return key_values(flags);
}

Result<> check_mac_address(const std::string& text) {
  constexpr size_t kLength = 17;
  bool good = text.size() == kLength;
  for (size_t i = 0; good && i < kLength; ++i) {
    const bool is_separator = i % 3 == 2;
    good = is_separator ? text[i] == text[2] && (text[i] == ':' || text[i] == '-')
                        : std::isxdigit(static_cast<unsigned char>(text[i])) != 0;
  }
  if (good) return {};
  return Error(Code::kInvalidArgument, cat(text, " is not a valid mac address"));
}

Result<json::Value> parse_ulimits(const std::vector<std::string>& flags) {
  json::Array out;
  for (const auto& flag : flags) {
    auto parts = split_once(flag, '=');
    std::string limits = parts ? std::string(parts->second) : "";
    auto both = split_once(limits, ':');
    auto soft = parse_int(both ? both->first : std::string_view(limits));
    auto hard = both ? parse_int(both->second) : soft;
    if (!soft || !hard) return bad_flag("--ulimit", flag, cat("invalid ulimit argument: ", flag));
    if (!is_ulimit(parts->first)) {
      return bad_flag("--ulimit", flag, cat("invalid ulimit type: ", parts->first));
    }
    if (*hard != -1 && (*soft > *hard || *soft == -1)) {
      return bad_flag(
          "--ulimit", flag,
          cat("ulimit soft limit must be less than or equal to hard limit: ", *soft, " > ", *hard));
    }
    out.push_back(json::object({{"Name", parts->first}, {"Hard", *hard}, {"Soft", *soft}}));
  }
  return json::Value(std::move(out));
}

namespace {

bool is_device_mode(std::string_view text) {
  return !text.empty() && text.find_first_not_of("rwm") == std::string_view::npos;
}

}  // namespace

Result<json::Value> parse_devices(const std::vector<std::string>& flags) {
  json::Array out;
  for (const std::string& flag : flags) {
    const std::vector<std::string> parts = split(flag, ':');
    if (parts.empty() || parts.size() > 3 || parts[0].empty()) {
      return bad_flag("--device", flag, cat("invalid device specification: ", flag));
    }
    std::string target = parts[0];
    std::string mode = "rwm";
    if (parts.size() == 3) mode = parts[2];
    if (parts.size() > 1)
      (parts.size() == 2 && is_device_mode(parts[1]) ? mode : target) = parts[1];
    if (!is_device_mode(mode)) {
      return bad_flag("--device", flag, cat("bad mode specified: ", mode));
    }
    for (const std::string& path : {parts[0], target}) {
      if (!path.starts_with('/')) {
        return bad_flag("--device", flag, cat(path, " is not an absolute path"));
      }
    }
    out.push_back(json::object(
        {{"PathOnHost", parts[0]}, {"PathInContainer", target}, {"CgroupPermissions", mode}}));
  }
  return json::Value(std::move(out));
}

Result<> check_device_rules(const std::vector<std::string>& flags) {
  auto is_number = [](std::string_view text) {
    return text == "*" || parse_uint(text).has_value();
  };
  for (const std::string& flag : flags) {
    const std::vector<std::string> words = split(flag, ' ');
    const auto numbers = words.size() == 3 ? split_once(words[1], ':') : std::nullopt;
    if (numbers && (words[0] == "a" || words[0] == "b" || words[0] == "c") &&
        is_number(numbers->first) && is_number(numbers->second) && is_device_mode(words[2]) &&
        words[2].size() <= 3) {
      continue;
    }
    return bad_flag("--device-cgroup-rule", flag, cat("invalid device cgroup format '", flag, "'"));
  }
  return {};
}

Result<json::Value> parse_extra_hosts(const std::vector<std::string>& flags) {
  json::Array out;
  for (const std::string& flag : flags) {
    const auto extra = net::parse_extra_host(flag, ":=");
    if (!extra) return bad_flag("--add-host", flag, extra.error().message());
    out.emplace_back(extra->str());
  }
  return json::Value(std::move(out));
}

}  // namespace skiff::cli
