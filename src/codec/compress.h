// Streaming gzip and zstd as Sources and Sinks.
//
// Reading: `open_decompressed` looks at the first bytes and unwraps gzip (also
// multi-member), zstd, bzip2 and xz or passes plain data through. Writing: the same bytes for the
// same input, whatever the machine (no name, no time in the header).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
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
std::unique_ptr<CompressingSink> make_zstd_sink(Sink& to);

// How something is compressed: as gzip, zstd or not at all (kNone).
struct CompressForm {
  Compression compression = Compression::kGzip;
  std::optional<int> level;  // of the format; else what is quick and nearly as small
  bool operator==(const CompressForm&) const = default;
};
// kInvalidArgument for a level that the format has not (gzip 0 to 9, zstd 1 to 22), and for
// formats that are only read.
Result<> check_form(const CompressForm& form);
// With `threads` at most; 0 is as many as the machine has processors. The bytes are the same for
// any number. `form` is one that check_form() takes.
std::unique_ptr<CompressingSink> make_compressing_sink(Sink& to, const CompressForm& form,
                                                       size_t threads = 0);

}  // namespace skiff
