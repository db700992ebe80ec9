// Why libdeflate: a layer's digest must not depend on the machine that made it. ISA-L picks another
// match finder, and so other bytes, for each generation of CPU; libdeflate's bytes depend only on
// the input and the level, and it is three times as fast as zlib.
#include "codec/gzip_member.h"

#include <libdeflate.h>

#include <cstdint>
#include <memory>

namespace skiff {

namespace {

constexpr size_t kHeaderSize = 10;
constexpr size_t kTrailerSize = 8;
constexpr unsigned char kUnknownOs = 255;

void put_u32(std::string& out, uint32_t n) {
  for (unsigned shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(n >> shift));
}

struct Free {
  void operator()(libdeflate_compressor* c) const { libdeflate_free_compressor(c); }
};
using Compressor = std::unique_ptr<libdeflate_compressor, Free>;

// Whether samples from all over the input hardly become smaller: images, archives, random bytes.
// Storing them takes a twentieth of the time of trying.
bool is_incompressible(libdeflate_compressor* compressor, std::string_view input) {
  constexpr size_t kSamples = 8;
  constexpr size_t kSample = size_t{8} << 10U;
  if (input.size() < 2 * kSamples * kSample) return false;
  std::string sampled;
  for (size_t i = 0; i < kSamples; ++i) {
    sampled += input.substr((input.size() - kSample) / (kSamples - 1) * i, kSample);
  }
  std::string out(libdeflate_deflate_compress_bound(compressor, sampled.size()), '\0');
  const size_t size = libdeflate_deflate_compress(compressor, sampled.data(), sampled.size(),
                                                  out.data(), out.size());
  return size > sampled.size() - sampled.size() / 64;
}

}  // namespace

std::string_view gzip_library() { return "libdeflate " LIBDEFLATE_VERSION_STRING; }

// The header is written here and not by libdeflate, which stores a time and a level.
std::string compress_gzip_member(std::string_view input, int level) {
  Compressor compressor(libdeflate_alloc_compressor(level));
  if (is_incompressible(compressor.get(), input)) compressor.reset(libdeflate_alloc_compressor(0));
  const size_t bound = libdeflate_deflate_compress_bound(compressor.get(), input.size());
  std::string out = {'\x1f', '\x8b', 8, 0, 0, 0, 0, 0, 0, static_cast<char>(kUnknownOs)};
  out.resize(kHeaderSize + bound);
  const size_t size = libdeflate_deflate_compress(compressor.get(), input.data(), input.size(),
                                                  out.data() + kHeaderSize, bound);
  out.resize(kHeaderSize + size);
  out.reserve(out.size() + kTrailerSize);
  put_u32(out, libdeflate_crc32(0, input.data(), input.size()));
  put_u32(out, static_cast<uint32_t>(input.size()));
  return out;
}

}  // namespace skiff
