// zstd (RFC 8878) through libzstd.
#include <zstd.h>

#include <vector>

#include "base/strings.h"
#include "codec/compressors.h"
#include "codec/stream_decoder.h"

namespace skiff {

namespace {

// What libzstd's threads each take. Its own choice would be four times as much, too little work for
// several threads in most layers.
constexpr int kJobBytes = 2 << 20;

struct FreeDecoder {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};
struct FreeEncoder {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

class ZstdReader : public StreamDecoder {
 public:
  explicit ZstdReader(Source& from) : StreamDecoder(from, "zstd"), context_(ZSTD_createDCtx()) {}

 private:
  Result<size_t> decode(std::string_view& in, std::span<char> out) override {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    // Asking again at the end of a frame without input would begin the next one.
    if (frame_ended_ && in.empty()) return size_t{0};
    const size_t status = ZSTD_decompressStream(context_.get(), &output, &input);
    if (ZSTD_isError(status) != 0) return corrupt(ZSTD_getErrorName(status));
    in.remove_prefix(input.pos);
    frame_ended_ = status == 0;
    return output.pos;
  }

  bool complete() const override { return frame_ended_; }

  std::unique_ptr<ZSTD_DCtx, FreeDecoder> context_;
  bool frame_ended_ = false;
};

// libzstd cuts the input into jobs wherever it has threads of its own, be it one: the bytes depend
// on the size of the jobs, not on how many are compressed side by side.
class ZstdWriter : public CompressingSink {
 public:
  ZstdWriter(Sink& to, int level, size_t threads)
      : to_(to), context_(ZSTD_createCCtx()), out_(ZSTD_CStreamOutSize()) {
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_nbWorkers, static_cast<int>(threads));
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_jobSize, kJobBytes);
  }

  Result<> write(std::string_view bytes) override { return run(bytes, ZSTD_e_continue); }
  Result<> finish() override { return run("", ZSTD_e_end); }

 private:
  Result<> run(std::string_view bytes, ZSTD_EndDirective mode) {
    ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer output{out_.data(), out_.size(), 0};
      const size_t left = ZSTD_compressStream2(context_.get(), &output, &input, mode);
      if (ZSTD_isError(left) != 0) {
        return Error(Code::kInternal, cat("compress with zstd: ", ZSTD_getErrorName(left)));
      }
      if (output.pos > 0) TRY(to_.write({out_.data(), output.pos}));
      if (mode == ZSTD_e_end ? left == 0 : input.pos == input.size) return {};
    }
  }

  Sink& to_;
  std::unique_ptr<ZSTD_CCtx, FreeEncoder> context_;
  std::vector<char> out_;
};

}  // namespace

std::unique_ptr<Source> make_zstd_reader(Source& from) {
  return std::make_unique<ZstdReader>(from);
}

std::unique_ptr<CompressingSink> make_zstd_writer(Sink& to, int level, size_t threads) {
  return std::make_unique<ZstdWriter>(to, level, threads);
}

}  // namespace skiff
