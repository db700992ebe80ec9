// bzip2 through libbz2: only for reading what people hand to ADD, load and import.
#include <bzlib.h>

#include <algorithm>

#include "codec/stream_decoder.h"

namespace skiff {

namespace {

class Bzip2Reader : public StreamDecoder {
 public:
  explicit Bzip2Reader(Source& from) : StreamDecoder(from, "bzip2") {
    BZ2_bzDecompressInit(&stream_, 0, 0);
  }
  ~Bzip2Reader() override { BZ2_bzDecompressEnd(&stream_); }

 private:
  Result<size_t> decode(std::string_view& in, std::span<char> out) override {
    if (stream_ended_) {
      if (in.empty()) return size_t{0};
      BZ2_bzDecompressEnd(&stream_);
      stream_ = {};
      BZ2_bzDecompressInit(&stream_, 0, 0);
      stream_ended_ = false;
    }
    stream_.next_in = const_cast<char*>(in.data());
    stream_.avail_in = static_cast<unsigned>(in.size());
    stream_.next_out = out.data();
    const auto room = static_cast<unsigned>(std::min<size_t>(out.size(), UINT32_MAX));
    stream_.avail_out = room;
    const int status = BZ2_bzDecompress(&stream_);
    if (status != BZ_OK && status != BZ_STREAM_END) return corrupt("invalid data");
    in.remove_prefix(in.size() - stream_.avail_in);
    stream_ended_ = status == BZ_STREAM_END;
    return size_t{room - stream_.avail_out};
  }

  bool complete() const override { return stream_ended_; }

  bz_stream stream_{};
  bool stream_ended_ = false;
};

}  // namespace

std::unique_ptr<Source> make_bzip2_reader(Source& from) {
  return std::make_unique<Bzip2Reader>(from);
}

}  // namespace skiff
