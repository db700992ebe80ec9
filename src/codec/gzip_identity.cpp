#include "codec/gzip_identity.h"

#include <array>

#include "base/strings.h"
#include "codec/gzip_member.h"
#include "codec/hash.h"

namespace skiff {

namespace {

// Words that come again and numbers that hardly do: what a compressor decides on.
std::string sample() {
  constexpr size_t kSize = size_t{192} << 10U;
  constexpr uint32_t kFactor = 1664525;
  constexpr uint32_t kStep = 1013904223;
  constexpr std::array kWords = {"usr",    "lib",  "share", "doc",   "python", "include",
                                 "return", "the ", "0000",  "const", "{}\n",   "\t"};
  std::string out;
  for (uint32_t state = 1; out.size() < kSize;) {
    state = state * kFactor + kStep;
    out += kWords[(state >> 16U) % kWords.size()];
    if (state % 8 == 0) out += cat(state >> 8U);
  }
  return out;
}

}  // namespace

const std::string& gzip_identity() {
  constexpr size_t kDigits = 16;
  static const std::string identity =
      cat(gzip_library(), ", level ", kGzipLevel, ", ", kGzipMemberInput, ", ",
          sha256_hex(compress_gzip_member(sample())).substr(0, kDigits));
  return identity;
}

}  // namespace skiff
