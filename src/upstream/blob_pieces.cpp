#include "upstream/blob_pieces.h"

#include <algorithm>
#include <utility>

namespace skiff::upstream {

namespace {

constexpr uint64_t kPiece = uint64_t{4} << 20U;

}  // namespace

Result<size_t> BlobPieces::read(uint64_t offset, std::span<char> buffer) {
  if (offset >= source_.size()) return size_t{0};
  if (offset < begin_ || offset >= begin_ + piece_.size()) {
    std::string piece = std::exchange(piece_, {});
    piece.clear();
    TRY(source_.read(offset, std::min(kPiece, source_.size() - offset),
                     [&piece](std::string_view bytes) -> Result<> {
                       piece += bytes;
                       return {};
                     }));
    piece_ = std::move(piece);
    begin_ = offset;
  }
  return piece_.copy(buffer.data(), buffer.size(), offset - begin_);
}

}  // namespace skiff::upstream
