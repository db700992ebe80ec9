// For tests: a peer of HTTP/2 that is written out frame by frame (RFC 9113, section 4), its headers
// as literals (RFC 7541, section 6.2.2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace skiff::buildkit::http2 {

constexpr size_t kHead = 9;  // of a frame
constexpr int64_t kMostWindow = 0x7fffffff;

enum Type : uint8_t {
  kData = 0,
  kHeaders = 1,
  kReset = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoodbye = 7,
  kWindowUpdate = 8,
  kContinuation = 9
};
enum Flag : uint8_t { kAck = 1, kEndStream = 1, kEndHeaders = 4, kPadded = 8, kPriority = 32 };
enum Setting : uint16_t { kEnablePush = 2, kInitialWindow = 4, kMaxFrame = 5, kMaxHeaders = 6 };
enum Reason : uint32_t { kNoError = 0, kRefused = 7, kCancelled = 8 };

inline uint32_t number_at(std::string_view bytes, size_t at, size_t size) {
  uint32_t out = 0;
  for (size_t i = 0; i < size; ++i) out = out << 8U | static_cast<unsigned char>(bytes[at + i]);
  return out;
}

inline void append_number(std::string& to, uint32_t number, size_t size) {
  while (size-- > 0) to += static_cast<char>(number >> (8 * size) & 0xffU);
}

struct Frame {
  uint8_t type = 0;
  uint8_t flags = 0;
  uint32_t id = 0;
  std::string_view payload;
};

inline void append_frame(std::string& to, uint8_t type, uint8_t flags, uint32_t id,
                         std::string_view payload) {
  append_number(to, static_cast<uint32_t>(payload.size()), 3);
  to += static_cast<char>(type);
  to += static_cast<char>(flags);
  append_number(to, id, 4);
  to += payload;
}

// The first of `bytes`, if it is whole; `size` of its head: number_at(bytes, 0, 3).
inline Frame frame_at(std::string_view bytes, uint32_t size) {
  return {.type = static_cast<uint8_t>(bytes[3]),
          .flags = static_cast<uint8_t>(bytes[4]),
          .id = static_cast<uint32_t>(number_at(bytes, 5, 4) & kMostWindow),
          .payload = bytes.substr(kHead, size)};
}

// Of fewer than 127 bytes each.
inline void append_header(std::string& to, std::string_view name, std::string_view value) {
  to += '\0';
  for (const std::string_view text : {name, value}) {
    to += static_cast<char>(text.size());
    to += text;
  }
}

}  // namespace skiff::buildkit::http2
