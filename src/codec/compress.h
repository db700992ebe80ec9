// Streaming gzip and zstd as Sources and Sinks.
//
// Reading: `open_decompressed` looks at the first bytes and unwraps gzip (also
// multi-member), zstd, bzip2 and xz or passes plain data through. Writing: `GzipSink` produces the
// same bytes for the same input on every machine (no name, no time in the header).
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/io.h"

namespace skiff {

enum class Compression { kNone, kGzip, kZstd, kBzip2, kXz };

// By magic number of the first bytes (six are enough).
Compression detect_compression(std::string_view head);

// What compressed data may expand to: a few bytes of an archive can claim a whole disk.
struct ExpansionLimit {
  uint64_t bytes = uint64_t{100} << 30U;
  // Plain bytes for each compressed one. gzip does not reach 1,100, other formats do.
  uint64_t ratio = 1100;
  // Up to so many plain bytes any ratio will do: a file of zeros is no bomb.
  uint64_t any_ratio = uint64_t{1} << 30U;
};

// A source of the plain bytes of `from`, which must outlive it. Truncated or
// corrupt input fails with kDataLoss, what expands beyond `limit` with kResourceExhausted.
Result<std::unique_ptr<Source>> open_decompressed(Source& from, const ExpansionLimit& limit = {});
Result<std::unique_ptr<Source>> open_decompressed(Source& from, Compression compression,
                                                  const ExpansionLimit& limit = {});

// Compresses into `to`; call finish() once at the end.
class CompressingSink : public Sink {
 public:
  virtual Result<> finish() = 0;
};
std::unique_ptr<CompressingSink> make_gzip_sink(Sink& to);
// With so many threads at most; else as many as the machine has processors. The bytes are the same.
std::unique_ptr<CompressingSink> make_gzip_sink_of(Sink& to, size_t threads);
std::unique_ptr<CompressingSink> make_zstd_sink(Sink& to);

}  // namespace skiff
