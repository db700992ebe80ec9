// BlobPieces: a blob of whatever store, read from any offset, as an upload does that may have to go
// back. A piece of a few mebibytes is fetched at a time.
#pragma once

#include <span>
#include <string>

#include "registry/blobs.h"

namespace skiff::upstream {

class BlobPieces {
 public:
  explicit BlobPieces(registry::BlobSource& source) : source_(source) {}

  // As many bytes from `offset` on as are at hand, at most those of the buffer; none at the end.
  Result<size_t> read(uint64_t offset, std::span<char> buffer);

 private:
  registry::BlobSource& source_;
  std::string piece_;
  uint64_t begin_ = 0;  // of the piece
};

}  // namespace skiff::upstream
