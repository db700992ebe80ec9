#include "registry/byte_range.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::registry {

RequestedRange requested_range(std::string_view header, uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit)) return {};
  const auto ends = split_once(trim(header.substr(kUnit.size())), '-');
  if (!ends) return {};
  const auto first = parse_uint(ends->first);
  const auto last = parse_uint(ends->second);
  if ((!first && !ends->first.empty()) || (!last && !ends->second.empty())) return {};
  if (!first && !last) return {};
  if (!first) {  // the last so many bytes
    if (*last == 0 || size == 0) return {RangeKind::kUnsatisfiable, {}};
    return {RangeKind::kPart, {size - std::min(*last, size), size - 1}};
  }
  // RFC 9110 would have an inverted range ignored; the distribution specification refuses it.
  if (*first >= size || (last && *last < *first)) return {RangeKind::kUnsatisfiable, {}};
  return {RangeKind::kPart, {*first, std::min(last.value_or(size - 1), size - 1)}};
}

std::optional<ByteRange> chunk_range(std::string_view header) {
  if (header.starts_with("bytes ") || header.starts_with("bytes=")) header.remove_prefix(6);
  if (auto parts = split_once(header, '/')) header = parts->first;
  const auto ends = split_once(header, '-');
  if (!ends) return std::nullopt;
  const auto first = parse_uint(ends->first);
  const auto last = parse_uint(ends->second);
  if (!first || !last || *last < *first) return std::nullopt;
  if (*last == UINT64_MAX) return std::nullopt;  // its size would be too large to tell
  return ByteRange{*first, *last};
}

}  // namespace skiff::registry
