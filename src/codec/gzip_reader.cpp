// gzip (RFC 1952) through ISA-L: half of zlib's CPU time for inflating a layer.
#include <isa-l/igzip_lib.h>

#include <algorithm>

#include "codec/stream_decoder.h"

namespace skiff {

namespace {

std::string_view describe(int status) {
  switch (status) {
    case ISAL_INVALID_WRAPPER:
      return "not a gzip header";
    case ISAL_UNSUPPORTED_METHOD:
      return "unknown compression method";
    case ISAL_INCORRECT_CHECKSUM:
      return "wrong checksum or length";
    default:
      return "invalid deflate data";
  }
}

// A file is one or more members; zeros may pad the last one.
class GzipReader : public StreamDecoder {
 public:
  explicit GzipReader(Source& from)
      : StreamDecoder(from, "gzip"), state_(std::make_unique<inflate_state>()) {
    start_member();
  }

 private:
  Result<size_t> decode(std::string_view& in, std::span<char> out) override {
    if (member_ended_ && !in.empty()) {
      if (padding_ || in[0] == '\0') return skip_padding(in);
      start_member();
    }
    if (member_ended_) return size_t{0};
    state_->next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(in.data()));
    state_->avail_in = static_cast<uint32_t>(in.size());
    state_->next_out = reinterpret_cast<uint8_t*>(out.data());
    const auto room = static_cast<uint32_t>(std::min<size_t>(out.size(), UINT32_MAX));
    state_->avail_out = room;
    const int status = isal_inflate(state_.get());
    if (status < 0) return corrupt(describe(status));
    in.remove_prefix(in.size() - state_->avail_in);
    member_ended_ = state_->block_state == ISAL_BLOCK_FINISH;
    return size_t{room - state_->avail_out};
  }

  bool complete() const override { return member_ended_; }

  void start_member() {
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP;
    member_ended_ = false;
  }

  Result<size_t> skip_padding(std::string_view& in) {
    padding_ = true;
    in.remove_prefix(std::min(in.find_first_not_of('\0'), in.size()));
    if (!in.empty()) return corrupt("data after the end");
    return size_t{0};
  }

  std::unique_ptr<inflate_state> state_;  // 90 KB
  bool member_ended_ = false;
  bool padding_ = false;
};

}  // namespace

std::unique_ptr<Source> make_gzip_reader(Source& from) {
  return std::make_unique<GzipReader>(from);
}

}  // namespace skiff
