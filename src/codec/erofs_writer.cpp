#include "codec/erofs_writer.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <cstring>

#include "base/strings.h"
#include "codec/erofs_directory.h"
#include "codec/erofs_layout.h"

namespace skiff {

namespace {

using erofs::Chunk;
using erofs::ChunkIndex;
using erofs::DataLayout;
using erofs::kErofsBlock;
using erofs::Layout;
using erofs::Place;
using Id = ErofsTree::Id;

constexpr size_t kBufferSize = size_t{64} << 10U;
constexpr uint16_t kSourceDevice = 1;  // in chunk entries

// A file type as directories hold it.
uint8_t directory_file_type(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return 1;
    case S_IFDIR:
      return 2;
    case S_IFCHR:
      return 3;
    case S_IFBLK:
      return 4;
    case S_IFIFO:
      return 5;
    case S_IFSOCK:
      return 6;
    default:
      return 7;
  }
}

// Collects small writes and knows the position.
class ImageSink {
 public:
  explicit ImageSink(Sink& to) : to_(to) { buffer_.reserve(kBufferSize); }

  uint64_t position() const { return flushed_ + buffer_.size(); }
  Result<> write(std::string_view bytes) {
    if (buffer_.size() + bytes.size() > kBufferSize) TRY(flush());
    if (bytes.size() >= kBufferSize) {
      flushed_ += bytes.size();
      return to_.write(bytes);
    }
    buffer_.append(bytes);
    return {};
  }
  template <typename T>
  Result<> write_struct(const T& value) {
    return write({reinterpret_cast<const char*>(&value), sizeof value});
  }
  Result<> zeros_up_to(uint64_t position_wanted) {
    static constexpr std::array<char, 4096> kZeros{};
    while (position() < position_wanted) {
      const uint64_t left = position_wanted - position();
      TRY(write({kZeros.data(), static_cast<size_t>(std::min<uint64_t>(left, kZeros.size()))}));
    }
    return {};
  }
  Result<> flush() {
    flushed_ += buffer_.size();
    Result<> done = to_.write(buffer_);
    buffer_.clear();
    return done;
  }

 private:
  Sink& to_;
  std::string buffer_;
  uint64_t flushed_ = 0;
};

class ImageWriter {
 public:
  ImageWriter(const ErofsTree& tree, const ErofsOptions& options, const Layout& layout, Sink& to)
      : tree_(tree), options_(options), layout_(layout), to_(to) {}

  Result<> write();

 private:
  Result<> super_block();
  Result<> inode(Id id);
  Result<> inode_structure(Id id, const Place& place);
  uint32_t data_field(const ErofsTree::Inode& inode, const Place& place) const;
  Result<> tail(Id id, const Place& place);
  Result<> chunk_table(const ErofsTree::Inode& inode, const Place& place);
  Result<> contents(Id id);
  Result<> directory_block(const std::vector<erofs::DirectoryName>& names);
  Result<> copied_chunks(const ErofsTree::Inode& inode, const Place& place);
  Result<> copied_chunk(const Chunk& chunk, std::span<const ErofsPiece> pieces);

  const ErofsTree& tree_;
  const ErofsOptions& options_;
  const Layout& layout_;
  ImageSink to_;
  uint32_t number_ = 0;
};

Result<> ImageWriter::write() {
  TRY(to_.zeros_up_to(erofs::kSuperOffset));
  TRY(super_block());
  for (const Id id : layout_.order()) TRY(inode(id));
  for (const Id id : layout_.order()) TRY(contents(id));
  TRY(to_.zeros_up_to(layout_.blocks() * kErofsBlock));
  return to_.flush();
}

// With the device table in the same block, which the checksum covers.
Result<> ImageWriter::super_block() {
  std::array<unsigned char, kErofsBlock> block{};
  erofs::SuperBlock super;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(layout_.epoch());
  super.feature_compat = erofs::kCompatChecksum | erofs::kCompatMtime;
  super.feature_incompat = erofs::kIncompatDeviceTable;
  if (layout_.has_chunks()) super.feature_incompat |= erofs::kIncompatChunkedFile;
  super.root_nid = static_cast<uint16_t>(layout_.place(ErofsTree::kRoot).nid);
  super.inodes = layout_.order().size();
  super.epoch = static_cast<uint64_t>(seconds.time_since_epoch().count());
  super.epoch_nanos = static_cast<uint32_t>((layout_.epoch() - seconds).count());
  super.blocks = static_cast<uint32_t>(layout_.blocks());
  std::ranges::copy(options_.uuid, super.uuid);
  super.extra_devices = 1;
  constexpr size_t kTableOffset = erofs::kSuperOffset + sizeof super;
  super.device_table_slot = kTableOffset / sizeof(erofs::DeviceSlot);
  erofs::DeviceSlot device;
  device.blocks = static_cast<uint32_t>(erofs::blocks_of(options_.source_size));
  device.first_block = super.blocks;
  std::memcpy(block.data() + sizeof super, &device, sizeof device);
  std::memcpy(block.data(), &super, sizeof super);
  super.checksum = ::crc32_iscsi(block.data(), kErofsBlock, UINT32_MAX);
  std::memcpy(block.data(), &super, sizeof super);
  return to_.write({reinterpret_cast<const char*>(block.data()), block.size()});
}

Result<> ImageWriter::inode(Id id) {
  const Place& place = layout_.place(id);
  const ErofsTree::Inode& inode = tree_.inode(id);
  TRY(to_.zeros_up_to(place.offset()));
  TRY(inode_structure(id, place));
  TRY(to_.write(tree_.xattrs(inode)));
  if (place.layout == DataLayout::kInline) return tail(id, place);
  if (place.layout == DataLayout::kChunks) return chunk_table(inode, place);
  return {};
}

Result<> ImageWriter::inode_structure(Id id, const Place& place) {
  const ErofsTree::Inode& inode = tree_.inode(id);
  ++number_;
  const uint16_t format = erofs::inode_format(place.layout, place.extended);
  const uint16_t xattrs = erofs::xattr_count(tree_.xattrs(inode));
  if (!place.extended) {
    return to_.write_struct(erofs::CompactInode{.format = format,
                                                .xattr_count = xattrs,
                                                .mode = inode.mode,
                                                .links = static_cast<uint16_t>(place.links),
                                                .size = static_cast<uint32_t>(place.size),
                                                .data = data_field(inode, place),
                                                .number = number_,
                                                .uid = static_cast<uint16_t>(inode.uid),
                                                .gid = static_cast<uint16_t>(inode.gid)});
  }
  const auto seconds = std::chrono::floor<std::chrono::seconds>(inode.mtime);
  return to_.write_struct(
      erofs::ExtendedInode{.format = format,
                           .xattr_count = xattrs,
                           .mode = inode.mode,
                           .size = place.size,
                           .data = data_field(inode, place),
                           .number = number_,
                           .uid = inode.uid,
                           .gid = inode.gid,
                           .mtime = static_cast<uint64_t>(seconds.time_since_epoch().count()),
                           .mtime_nanos = static_cast<uint32_t>((inode.mtime - seconds).count()),
                           .links = place.links});
}

uint32_t ImageWriter::data_field(const ErofsTree::Inode& inode, const Place& place) const {
  if (place.layout == DataLayout::kChunks) return erofs::kChunkIndexes | place.chunk_bits;
  if (S_ISDIR(inode.mode) || S_ISLNK(inode.mode)) return place.block;
  if (!S_ISREG(inode.mode)) return inode.device();
  if (inode.size == 0 || place.layout == DataLayout::kInline) return 0;
  // The source's blocks are numbered behind the image's own.
  return static_cast<uint32_t>(layout_.blocks() + inode.source_offset() / kErofsBlock);
}

Result<> ImageWriter::tail(Id id, const Place& place) {
  const ErofsTree::Inode& inode = tree_.inode(id);
  if (S_ISLNK(inode.mode)) return to_.write(tree_.target(inode));
  if (S_ISREG(inode.mode)) return to_.write(tree_.contents(inode));
  erofs::DirectoryBlocks blocks(tree_, id);
  for (uint32_t i = 0; i < place.blocks; ++i) blocks.next();
  return directory_block(blocks.next());
}

Result<> ImageWriter::chunk_table(const ErofsTree::Inode& inode, const Place& place) {
  TRY(to_.zeros_up_to(erofs::align_to(to_.position(), sizeof(ChunkIndex))));
  erofs::ChunkWalk walk(tree_.pieces(inode), inode.size, kErofsBlock << place.chunk_bits);
  uint32_t next_copy = place.block;
  for (Chunk chunk; walk.next(chunk);) {
    ChunkIndex index;
    if (chunk.kind == Chunk::Kind::kMapped) {
      index.device = kSourceDevice;
      index.block = static_cast<uint32_t>(chunk.source_block);
    } else if (chunk.kind == Chunk::Kind::kCopied) {
      index.block = next_copy;
      next_copy += static_cast<uint32_t>(erofs::blocks_of(chunk.size));
    }
    TRY(to_.write_struct(index));
  }
  return {};
}

// What an inode has in blocks of its own.
Result<> ImageWriter::contents(Id id) {
  const Place& place = layout_.place(id);
  if (place.blocks == 0) return {};
  const ErofsTree::Inode& inode = tree_.inode(id);
  TRY(to_.zeros_up_to(place.block * kErofsBlock));
  if (S_ISLNK(inode.mode)) return to_.write(tree_.target(inode));
  if (S_ISREG(inode.mode)) return copied_chunks(inode, place);
  erofs::DirectoryBlocks blocks(tree_, id);
  for (uint32_t i = 0; i < place.blocks; ++i) {
    TRY(to_.zeros_up_to((uint64_t{place.block} + i) * kErofsBlock));
    TRY(directory_block(blocks.next()));
  }
  return {};
}

Result<> ImageWriter::directory_block(const std::vector<erofs::DirectoryName>& names) {
  std::array<char, kErofsBlock> block;
  size_t entry_at = 0;
  size_t name_at = names.size() * sizeof(erofs::DirectoryEntry);
  for (const erofs::DirectoryName& name : names) {
    const erofs::DirectoryEntry entry{
        .nid = layout_.place(name.inode).nid,
        .name_offset = static_cast<uint16_t>(name_at),
        .file_type = directory_file_type(tree_.inode(name.inode).mode)};
    std::memcpy(block.data() + entry_at, &entry, sizeof entry);
    std::memcpy(block.data() + name_at, name.name.data(), name.name.size());
    entry_at += sizeof entry;
    name_at += name.name.size();
  }
  return to_.write({block.data(), name_at});
}

Result<> ImageWriter::copied_chunks(const ErofsTree::Inode& inode, const Place& place) {
  erofs::ChunkWalk walk(tree_.pieces(inode), inode.size, kErofsBlock << place.chunk_bits);
  for (Chunk chunk; walk.next(chunk);) {
    if (chunk.kind != Chunk::Kind::kCopied) continue;
    TRY(copied_chunk(chunk, walk.pieces()));
    TRY(to_.zeros_up_to(erofs::align_to(to_.position(), kErofsBlock)));
  }
  return {};
}

Result<> ImageWriter::copied_chunk(const Chunk& chunk, std::span<const ErofsPiece> pieces) {
  const uint64_t start = to_.position();
  std::string buffer;
  for (const ErofsPiece& piece : pieces) {
    if (piece.offset >= chunk.offset + chunk.size) break;
    uint64_t from = std::max(piece.offset, chunk.offset);
    const uint64_t end = std::min(piece.offset + piece.size, chunk.offset + chunk.size);
    TRY(to_.zeros_up_to(start + from - chunk.offset));
    while (from < end) {
      buffer.resize(static_cast<size_t>(std::min<uint64_t>(end - from, kBufferSize)));
      TRY(options_.read_source(piece.source_offset + from - piece.offset, buffer));
      TRY(to_.write(buffer));
      from += buffer.size();
    }
  }
  return to_.zeros_up_to(start + chunk.size);
}

// Of the last byte that any file has in the source.
uint64_t end_in_source(const ErofsTree& tree, const ErofsTree::Inode& inode) {
  if (!S_ISREG(inode.mode) || inode.size == 0) return 0;
  if (!inode.sparse) return inode.source_offset() + inode.size;
  uint64_t end = 0;
  for (const ErofsPiece& piece : tree.pieces(inode)) {
    end = std::max(end, piece.source_offset + piece.size);
  }
  return end;
}

Result<> check_source(const ErofsTree& tree, const ErofsOptions& options, const Layout& layout) {
  if (layout.blocks() + erofs::blocks_of(options.source_size) >= ChunkIndex::kNoBlock) {
    return Error(Code::kResourceExhausted,
                 cat("a source of ", options.source_size, " bytes is too large to be indexed"));
  }
  for (const Id id : layout.order()) {
    if (end_in_source(tree, tree.inode(id)) <= options.source_size) continue;
    return Error(Code::kInvalidArgument, "a file's data lie beyond the end of the source");
  }
  return {};
}

}  // namespace

Result<ErofsWritten> write_erofs(const ErofsTree& tree, const ErofsOptions& options, Sink& to) {
  const Layout layout = TRY(Layout::make(tree, options.source_size, options.least_small_files));
  TRY(check_source(tree, options, layout));
  TRY(ImageWriter(tree, options, layout, to).write());
  return ErofsWritten{.bytes = layout.blocks() * kErofsBlock, .inodes = layout.order().size()};
}

}  // namespace skiff
