// Columns as Docker prints them, and sizes and ages in its words.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"

namespace skiff::cli {

// Rows of equal length; the first is the heading. Columns are three blanks apart, and at least
// `narrowest` wide with them.
std::string format_table(const std::vector<std::vector<std::string>>& rows, size_t narrowest = 10);

std::string human_size(double bytes, int digits = 3);  // "12.3MB", powers of 1000
std::string human_bytes_binary(double bytes);          // "1.5GiB", powers of 1024
std::string age(int64_t unix_time);                    // "3 minutes ago"
std::string local_time(int64_t unix_time);             // "2026-11-25 03:04:05 +0000 UTC"
std::string short_id(std::string_view id);             // twelve digits, without "sha256:"
std::string ellipsis(std::string_view text, size_t width);

}  // namespace skiff::cli
