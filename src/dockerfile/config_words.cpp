#include "dockerfile/config_words.h"

#include <algorithm>
#include <csignal>
#include <cstring>

#include "base/strings.h"

namespace skiff::dockerfile {

namespace {

Error bad_port(std::string_view text) {
  return Error(Code::kInvalidArgument, cat("invalid containerPort: ", text));
}

Result<uint64_t> port_number(std::string_view text, std::string_view whole) {
  auto number = parse_uint(text);
  if (!number || *number == 0 || *number > 65535) return bad_port(whole);
  return *number;
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
  std::string_view port = text;
  std::string protocol = "tcp";
  if (auto parts = split_once(text, '/')) {
    port = parts->first;
    protocol = to_lower(parts->second);
  }
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp") {
    return Error(Code::kInvalidArgument, cat("invalid proto: ", protocol));
  }
  if (auto parts = split_last(port, ':')) port = parts->second;
  std::string_view last = port;
  std::string_view first = port;
  if (auto range = split_once(port, '-')) {
    first = range->first;
    last = range->second;
  }
  uint64_t low = TRY(port_number(first, text));
  uint64_t high = TRY(port_number(last, text));
  if (high < low) return bad_port(text);
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
  auto time = [](int64_t ns) { return skiff::quoted(go_duration(ns)); };
  return cat("&{", quoted_list(check.test), " ", time(check.interval_ns), " ",
             time(check.timeout_ns), " ", time(check.start_period_ns), " ",
             time(check.start_interval_ns), " '\\x",
             to_hex(std::string(1, static_cast<char>(check.retries))), "'}");
}

}  // namespace skiff::dockerfile
