// StreamDecoder: what the decompressors have in common: an input buffer, and telling the
// end of the data from data that was cut off. Private to codec/.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/io.h"

namespace skiff {

class StreamDecoder : public Source {
 public:
  Result<size_t> read(std::span<char> buffer) final;

 protected:
  StreamDecoder(Source& from, std::string_view format);
  // Takes bytes from the front of `in` and puts what they expand to into `out`; returns
  // how many it put. Both may be used up partly; `in` is empty at the end of the input.
  virtual Result<size_t> decode(std::string_view& in, std::span<char> out) = 0;
  // Whether the input may end where decoding stands.
  virtual bool complete() const = 0;
  Error corrupt(std::string_view why) const;

 private:
  Source& from_;
  std::string_view format_;
  std::vector<char> buffer_;
  std::string_view in_;
  bool ended_ = false;
};

std::unique_ptr<Source> make_gzip_reader(Source& from);
std::unique_ptr<Source> make_zstd_reader(Source& from);
std::unique_ptr<Source> make_bzip2_reader(Source& from);
std::unique_ptr<Source> make_xz_reader(Source& from);

}  // namespace skiff
