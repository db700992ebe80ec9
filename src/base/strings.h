// Small string helpers. `cat` builds messages without a formatting library, so
// that headers stay light and the static runtime small.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skiff {

namespace detail {
inline void append_piece(std::string& out, std::string_view s) { out.append(s); }
inline void append_piece(std::string& out, char c) { out.push_back(c); }
template <std::integral T>
  requires(!std::same_as<T, char> && !std::same_as<T, bool>)
void append_piece(std::string& out, T n) {
  char buf[24];
  auto r = std::to_chars(buf, buf + sizeof buf, n);
  out.append(buf, r.ptr);
}
}  // namespace detail

// cat("layer ", 3, " of ", n): strings, characters and integers, joined.
template <typename... Parts>
std::string cat(const Parts&... parts) {
  std::string out;
  (detail::append_piece(out, parts), ...);
  return out;
}

std::vector<std::string> split(std::string_view text, char separator);
// Splits at the first `separator`; nullopt when there is none.
std::optional<std::pair<std::string_view, std::string_view>> split_once(std::string_view text,
                                                                        char separator);
// Splits at the last `separator`; nullopt when there is none.
std::optional<std::pair<std::string_view, std::string_view>> split_last(std::string_view text,
                                                                        char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view trim(std::string_view text);
std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);
std::string replace_all(std::string_view text, std::string_view from, std::string_view to);
bool equals_ignore_case(std::string_view a, std::string_view b);

// The whole of `text` as a base-10 (or `base`) number; nullopt for anything else.
std::optional<int64_t> parse_int(std::string_view text, int base = 10);
std::optional<uint64_t> parse_uint(std::string_view text, int base = 10);

std::string to_hex(std::string_view bytes);

// Double-quoted, with control characters and quotes escaped: for error messages.
std::string quote_text(std::string_view text);
// An object, not a function, so that <iomanip>'s std::quoted is never found in its place.
inline constexpr auto quoted = [](std::string_view text) { return quote_text(text); };

}  // namespace skiff
