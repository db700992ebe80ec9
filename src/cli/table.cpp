#include "cli/table.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "base/strings.h"

namespace skiff::cli {

// Characters on screen of a UTF-8 text: continuation bytes take no column.
static size_t width_of(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

std::string format_table(const std::vector<std::vector<std::string>>& rows, size_t narrowest) {
  constexpr size_t kGap = 3;
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max({widths[i], width_of(row[i]) + kGap, narrowest});
    }
  }
  std::string out;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) out.append(widths[i] - width_of(row[i]), ' ');
    }
    out += '\n';
  }
  return out;
}

static std::string scaled(double value, double base, const char* const* units, int count,
                          int digits) {
  int unit = 0;
  while (value >= base && unit + 1 < count) {
    value /= base;
    ++unit;
  }
  char text[32];
  int n = snprintf(text, sizeof text, "%.*g%s", digits, value, units[unit]);
  return {text, static_cast<size_t>(n)};
}

std::string human_size(double bytes, int digits) {
  static const char* const kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  return scaled(bytes, 1000, kUnits, 6, digits);
}

std::string human_bytes_binary(double bytes) {
  static const char* const kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  return scaled(bytes, 1024, kUnits, 6, 4);
}

std::string age(int64_t unix_time) {
  int64_t now = unix_seconds(Clock::system().now());
  return human_duration(std::chrono::seconds(now - unix_time)) + " ago";
}

std::string local_time(int64_t unix_time) {
  time_t seconds = unix_time;
  tm parts{};
  ::localtime_r(&seconds, &parts);
  char text[64];
  size_t n = ::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %z %Z", &parts);
  return {text, n};
}

std::string short_id(std::string_view id) {
  if (id.starts_with("sha256:")) id.remove_prefix(7);
  return std::string(id.substr(0, 12));
}

std::string ellipsis(std::string_view text, size_t width) {
  if (width_of(text) <= width) return std::string(text);
  size_t bytes = 0;
  for (size_t shown = 0; bytes < text.size() && shown + 1 < width; ++shown) {
    do {
      ++bytes;
    } while (bytes < text.size() && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U);
  }
  return cat(text.substr(0, bytes), "…");
}

}  // namespace skiff::cli
