// ByteRange: what a Range header asks for (RFC 9110, 14.1.2), and the Content-Range of an
// upload's chunk, which the distribution specification writes without a unit ("0-99").
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace skiff::registry {

struct ByteRange {
  uint64_t first = 0;
  uint64_t last = 0;  // inclusive
  uint64_t size() const { return last - first + 1; }
};

enum class RangeKind { kWhole, kPart, kUnsatisfiable };

struct RequestedRange {
  RangeKind kind = RangeKind::kWhole;
  ByteRange range;
};

// Headers that are malformed, of another unit or ask for several ranges mean the whole.
RequestedRange requested_range(std::string_view header, uint64_t size);

// "first-last", with or without "bytes " before and "/total" after it; nullopt when malformed.
std::optional<ByteRange> chunk_range(std::string_view header);

}  // namespace skiff::registry
