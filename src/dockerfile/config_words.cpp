#include "dockerfile/config_words.h"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <tuple>

#include "base/strings.h"

namespace skiff::dockerfile {

namespace {

// "8000-9000" or one port; `what` is what errors call it.
Result<std::pair<uint64_t, uint64_t>> port_range(std::string_view text, std::string_view what) {
  const auto range = split_once(text, '-');
  const auto low = parse_uint(range ? range->first : text);
  const auto high = parse_uint(range ? range->second : text);
  if (!low || !high || *high > 65535 || *high < *low)
    return invalid_argument(cat("invalid ", what, ": ", text));
  return std::pair(*low, *high);
}

// "1m30s", as Go prints durations of whole seconds; smaller parts as a fraction.
std::string go_duration(int64_t ns) {
  if (ns == 0) return "0s";
  constexpr int64_t kSecond = 1'000'000'000;
  if (ns < kSecond) return cat(ns / 1'000'000, "ms");
  std::string out;
  int64_t seconds = ns / kSecond;
  if (seconds >= 3600) out += cat(seconds / 3600, "h");
  if (seconds >= 60) out += cat(seconds / 60 % 60, "m");
  out += cat(seconds % 60);
  if (int64_t rest = ns % kSecond / 1'000'000; rest != 0) {
    std::string digits = cat(1000 + rest).substr(1);
    out += cat(".", digits.substr(0, digits.find_last_not_of('0') + 1));
  }
  return out + "s";
}

}  // namespace

std::string clean_path(std::string_view path) {
  std::vector<std::string> parts;
  for (std::string& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(std::move(part));
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  return cat("/", join(parts, "/"));
}

bool is_single_heredoc(std::string_view text) {
  text = trim(text);
  if (!text.starts_with("<<")) return false;
  text.remove_prefix(2);
  if (text.starts_with('-')) text.remove_prefix(1);
  text = trim(text);
  return !text.empty() && text.find_first_of(" \t<;|&>") == std::string_view::npos;
}

Result<std::vector<std::string>> parse_exposed(std::string_view text) {
  std::string_view address;  // of the host, with its port: read, and without effect
  std::string_view container = text;
  if (auto parts = split_last(text, ':')) std::tie(address, container) = *parts;
  const auto parts = split_once(container, '/');
  const std::string_view port = parts ? parts->first : container;
  std::string protocol = to_lower(parts ? parts->second : std::string_view());
  if (port.empty())
    return invalid_argument(cat("invalid port: ", skiff::quoted(text), ": no port specified"));
  if (protocol.empty()) protocol = "tcp";
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp") {
    return invalid_argument(
        cat("invalid port: ", skiff::quoted(text), ": invalid proto: ", parts->second));
  }
  const auto [low, high] = TRY(port_range(port, "containerPort"));
  const auto host = split_last(address, ':');
  const std::string_view host_port = host ? host->second : address;
  if (!host_port.empty()) {
    const auto [first, last] = TRY(port_range(host_port, "hostPort"));
    if (last - first != high - low && high != low) {
      return invalid_argument(
          cat("invalid ranges specified for container and host Ports: ", port, " and ", host_port));
    }
  }
  std::vector<std::string> out;
  for (uint64_t n = low; n <= high; ++n) out.push_back(cat(n, "/", protocol));
  return out;
}

bool is_signal(std::string_view text) {
  if (auto number = parse_uint(text)) return *number >= 1 && *number <= 64;
  std::string name = to_upper(text);
  if (name.starts_with("SIG")) name.erase(0, 3);
  if (name.starts_with("RTMIN") || name.starts_with("RTMAX")) {
    std::string rest = name.substr(5);
    auto offset = rest.empty() ? 0 : parse_uint(std::string_view(rest).substr(1));
    bool sign = rest.empty() || rest[0] == (name[3] == 'I' ? '+' : '-');
    return sign && offset && *offset <= 30;
  }
  for (int n = 1; n < SIGRTMIN; ++n) {
    const char* known = ::sigabbrev_np(n);
    if (known != nullptr && name == known) return true;
  }
  return name == "IOT" || name == "CLD";
}

void insert_sorted(std::vector<std::string>& names, const std::string& name) {
  auto at = std::ranges::lower_bound(names, name);
  if (at == names.end() || *at != name) names.insert(at, name);
}

std::string quoted_list(const std::vector<std::string>& words) {
  std::vector<std::string> out;
  for (const std::string& word : words) out.push_back(skiff::quoted(word));
  return cat("[", join(out, " "), "]");
}

std::string health_words(const oci::Healthcheck& check) {
  return cat("{Test:[", join(check.test, " "), "] Interval:", go_duration(check.interval_ns),
             " Timeout:", go_duration(check.timeout_ns),
             " StartPeriod:", go_duration(check.start_period_ns),
             " StartInterval:", go_duration(check.start_interval_ns), " Retries:", check.retries,
             "}");
}

}  // namespace skiff::dockerfile
