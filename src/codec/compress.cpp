#include "codec/compress.h"

#include <array>
#include <cstring>

#include "base/strings.h"
#include "codec/stream_decoder.h"

namespace skiff {

namespace {

constexpr size_t kMagicSize = 6;

// Gives back what was read to look at it, then the rest.
class RejoinedSource : public Source {
 public:
  RejoinedSource(std::string_view head, Source& rest) : head_(head), rest_(rest) {}

  Result<size_t> read(std::span<char> buffer) override {
    const size_t n = std::min(buffer.size(), head_.size() - used_);
    if (n == 0) return rest_.read(buffer);
    std::memcpy(buffer.data(), head_.data() + used_, n);
    used_ += n;
    return n;
  }

 private:
  std::string head_;
  size_t used_ = 0;
  Source& rest_;
};

class PassingSource : public Source {
 public:
  explicit PassingSource(Source& from) : from_(from) {}
  Result<size_t> read(std::span<char> buffer) override {
    const size_t n = TRY(from_.read(buffer));
    total_ += n;
    return n;
  }
  uint64_t total() const { return total_; }

 private:
  Source& from_;
  uint64_t total_ = 0;
};

// A decoder, held to a limit, together with what counts the bytes that it takes.
class BoundedDecoder : public Source {
 public:
  BoundedDecoder(std::unique_ptr<PassingSource> raw, std::unique_ptr<Source> plain,
                 const ExpansionLimit& limit)
      : raw_(std::move(raw)), plain_(std::move(plain)), limit_(limit) {}

  Result<size_t> read(std::span<char> buffer) override {
    const size_t n = TRY(plain_->read(buffer));
    total_ += n;
    if (total_ > limit_.bytes) {
      return Error(Code::kResourceExhausted, cat("expands to more than ", limit_.bytes, " bytes"));
    }
    if (total_ > limit_.any_ratio && total_ / limit_.ratio > raw_->total()) {
      return Error(Code::kResourceExhausted, cat("expands more than ", limit_.ratio,
                                                 "-fold, beyond ", limit_.any_ratio, " bytes"));
    }
    return n;
  }

 private:
  std::unique_ptr<PassingSource> raw_;
  std::unique_ptr<Source> plain_;
  const ExpansionLimit limit_;
  uint64_t total_ = 0;
};

// A decoder together with the source it reads, where that is ours.
class OwningSource : public Source {
 public:
  OwningSource(std::unique_ptr<Source> raw, std::unique_ptr<Source> plain)
      : raw_(std::move(raw)), plain_(std::move(plain)) {}
  Result<size_t> read(std::span<char> buffer) override { return plain_->read(buffer); }

 private:
  std::unique_ptr<Source> raw_;
  std::unique_ptr<Source> plain_;
};

std::unique_ptr<Source> make_decoder(Source& from, Compression compression) {
  switch (compression) {
    case Compression::kGzip:
      return make_gzip_reader(from);
    case Compression::kZstd:
      return make_zstd_reader(from);
    case Compression::kBzip2:
      return make_bzip2_reader(from);
    case Compression::kXz:
      return make_xz_reader(from);
    case Compression::kNone:
      break;
  }
  return nullptr;
}

}  // namespace

Compression detect_compression(std::string_view head) {
  using namespace std::string_view_literals;
  if (head.starts_with("\x1f\x8b"sv)) return Compression::kGzip;
  if (head.starts_with("\x28\xb5\x2f\xfd"sv)) return Compression::kZstd;
  // A zstd stream may begin with a skippable frame: 0x184D2A50 to 0x184D2A5F.
  if (head.size() >= 4 && (head[0] & 0xf0) == 0x50 && head.substr(1, 3) == "\x2a\x4d\x18"sv) {
    return Compression::kZstd;
  }
  if (head.starts_with("BZh"sv)) return Compression::kBzip2;
  if (head.starts_with("\xfd\x37zXZ\0"sv)) return Compression::kXz;
  return Compression::kNone;
}

Result<std::unique_ptr<Source>> open_decompressed(Source& from, const ExpansionLimit& limit) {
  std::array<char, kMagicSize> magic;
  size_t n = TRY(read_full(from, magic));
  const std::string_view head(magic.data(), n);
  auto raw = std::make_unique<RejoinedSource>(head, from);
  auto plain = TRY(open_decompressed(*raw, detect_compression(head), limit));
  return std::make_unique<OwningSource>(std::move(raw), std::move(plain));
}

Result<std::unique_ptr<Source>> open_decompressed(Source& from, Compression compression,
                                                  const ExpansionLimit& limit) {
  auto raw = std::make_unique<PassingSource>(from);
  if (compression == Compression::kNone) return raw;
  auto plain = make_decoder(*raw, compression);
  return std::make_unique<BoundedDecoder>(std::move(raw), std::move(plain), limit);
}

}  // namespace skiff
