// Writes a file tree as an EROFS image whose file data stay where they are, in a second file
// given to the kernel beside it (docs/formats/erofs-index.md): the image is an index, about a
// hundredth of the data's size.
//
//   auto written = TRY(write_erofs(tree, {.source_size = n, .read_source = pread_tar}, sink));
//   UniqueFd mount = TRY(sys::mount_erofs(index_path, tar_path));
//
// The same tree gives the same bytes.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>

#include "base/io.h"
#include "codec/erofs_tree.h"

namespace skiff {

struct ErofsOptions {
  // Of the second file, in bytes; no piece of the tree lies beyond it.
  uint64_t source_size = 0;
  // Fills the buffer with the source's bytes from an offset on. Only called for data that blocks
  // cannot point at: pieces of sparse files that do not begin at multiples of 512.
  std::function<Result<>(uint64_t offset, std::span<char> buffer)> read_source;
  // Contents that the tree keeps are put into the image, behind their inodes, where there are so
  // many of them and they are half of all files: each is then read with its inode, and not one by
  // one from the source. An image of many small files is some six times as large by that.
  size_t least_small_files = 1024;
  // Names the file system; overlayfs keeps inode numbers stable only over distinct ones.
  std::array<uint8_t, 16> uuid{};
};

struct ErofsWritten {
  uint64_t bytes = 0;
  uint64_t inodes = 0;
};

// kResourceExhausted, before a byte is written, for a tree that needs more than 32-bit block
// numbers (2 TiB of source) or whose holes and odd pieces would cost more than the source's size
// and 64 MiB. Errors of the sink and of `read_source` pass through.
Result<ErofsWritten> write_erofs(const ErofsTree& tree, const ErofsOptions& options, Sink& to);

}  // namespace skiff
