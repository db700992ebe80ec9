// xz through liblzma: only for reading what people hand to ADD, load and import.
#include <lzma.h>

#include "codec/stream_decoder.h"

namespace skiff {

namespace {

// xz -9 needs 65 MiB; more is an attempt on our memory.
constexpr uint64_t kMaxMemory = uint64_t{128} << 20U;

class XzReader : public StreamDecoder {
 public:
  explicit XzReader(Source& from) : StreamDecoder(from, "xz") {
    status_ = lzma_stream_decoder(&stream_, kMaxMemory, LZMA_CONCATENATED);
  }
  ~XzReader() override { lzma_end(&stream_); }

 private:
  Result<size_t> decode(std::string_view& in, std::span<char> out) override {
    if (status_ == LZMA_STREAM_END) return size_t{0};
    stream_.next_in = reinterpret_cast<const uint8_t*>(in.data());
    stream_.avail_in = in.size();
    stream_.next_out = reinterpret_cast<uint8_t*>(out.data());
    stream_.avail_out = out.size();
    // Only at the end of the input does the decoder know that no other stream follows.
    status_ = lzma_code(&stream_, in.empty() ? LZMA_FINISH : LZMA_RUN);
    if (status_ == LZMA_MEMLIMIT_ERROR) return corrupt("needs too much memory");
    if (status_ != LZMA_OK && status_ != LZMA_STREAM_END && status_ != LZMA_BUF_ERROR) {
      return corrupt("invalid data");
    }
    in.remove_prefix(in.size() - stream_.avail_in);
    return out.size() - stream_.avail_out;
  }

  bool complete() const override { return status_ == LZMA_STREAM_END; }

  lzma_stream stream_ = LZMA_STREAM_INIT;
  lzma_ret status_ = LZMA_OK;
};

}  // namespace

std::unique_ptr<Source> make_xz_reader(Source& from) { return std::make_unique<XzReader>(from); }

}  // namespace skiff
