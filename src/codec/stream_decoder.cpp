#include "codec/stream_decoder.h"

#include "base/strings.h"

namespace skiff {

constexpr size_t kInputBuffer = size_t{64} * 1024;

StreamDecoder::StreamDecoder(Source& from, std::string_view format)
    : from_(from), format_(format), buffer_(kInputBuffer) {}

Result<size_t> StreamDecoder::read(std::span<char> buffer) {
  if (buffer.empty()) return size_t{0};
  for (;;) {
    if (in_.empty() && !ended_) {
      size_t n = TRY(from_.read(buffer_));
      in_ = {buffer_.data(), n};
      ended_ = n == 0;
    }
    const size_t before = in_.size();
    size_t made = TRY(decode(in_, buffer));
    if (made > 0) return made;
    if (in_.size() != before) continue;
    if (!in_.empty()) return corrupt("no progress");
    if (complete()) return size_t{0};
    return corrupt("unexpected end of data");
  }
}

Error StreamDecoder::corrupt(std::string_view why) const {
  return {Code::kDataLoss, cat("corrupt ", format_, " stream: ", why)};
}

}  // namespace skiff
