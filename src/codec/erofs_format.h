// EROFS as it lies on disk, as far as we write it (kernel, Documentation/filesystems/erofs.rst);
// docs/formats/erofs-index.md says what of it we use and why. All numbers are little-endian.
// Private to codec/.
#pragma once

#include <bit>
#include <cstdint>

namespace skiff::erofs {

static_assert(std::endian::native == std::endian::little, "structures are written as they are");

// Tar data start at multiples of 512, so blocks of that size can point at them.
inline constexpr unsigned kBlockBits = 9;
inline constexpr uint64_t kErofsBlock = uint64_t{1} << kBlockBits;
inline constexpr uint64_t kSuperOffset = 1024;
inline constexpr uint32_t kMagic = 0xE0F5E1E2;
// An inode's number (nid) is its offset divided by this.
inline constexpr uint64_t kSlot = 32;
inline constexpr size_t kMaxName = 255;

inline constexpr uint32_t kCompatChecksum = 0x1;
inline constexpr uint32_t kCompatMtime = 0x2;
inline constexpr uint32_t kIncompatChunkedFile = 0x4;
inline constexpr uint32_t kIncompatDeviceTable = 0x8;

struct SuperBlock {
  uint32_t magic = kMagic;
  uint32_t checksum = 0;  // CRC-32C of the rest of the block, computed with this as 0
  uint32_t feature_compat = 0;
  uint8_t block_bits = kBlockBits;
  uint8_t extension_slots = 0;
  uint16_t root_nid = 0;
  uint64_t inodes = 0;
  uint64_t epoch = 0;        // mtime of all compact inodes, seconds
  uint32_t epoch_nanos = 0;  // and its nanoseconds
  uint32_t blocks = 0;       // of this image
  uint32_t metadata_block = 0;
  uint32_t shared_xattr_block = 0;
  uint8_t uuid[16] = {};
  uint8_t volume_name[16] = {};
  uint32_t feature_incompat = 0;
  uint16_t compression = 0;
  uint16_t extra_devices = 0;
  uint16_t device_table_slot = 0;  // offset of the table in units of a DeviceSlot
  uint8_t directory_block_bits = 0;
  uint8_t xattr_prefixes = 0;
  uint32_t xattr_prefix_start = 0;
  uint64_t packed_nid = 0;
  uint8_t reserved[24] = {};
};
static_assert(sizeof(SuperBlock) == 128);

struct DeviceSlot {
  uint8_t tag[64] = {};
  uint32_t blocks = 0;
  uint32_t first_block = 0;  // where the device begins among the addresses of all devices
  uint8_t reserved[56] = {};
};
static_assert(sizeof(DeviceSlot) == 128);

enum class DataLayout : uint8_t {
  kPlain = 0,   // contiguous blocks
  kInline = 2,  // the last, incomplete block stands behind the inode
  kChunks = 4,  // a table of chunk addresses stands behind the inode
};

// `format` of an inode: the layout, and whether it is an extended one.
constexpr uint16_t inode_format(DataLayout layout, bool extended) {
  return static_cast<uint16_t>(static_cast<unsigned>(layout) << 1U | (extended ? 1U : 0U));
}

// In an inode's `data` of layout kChunks: log2 of blocks a chunk, and this bit for entries with
// a device number.
inline constexpr uint32_t kChunkIndexes = 0x20;
inline constexpr unsigned kMaxChunkBits = 31;

struct CompactInode {
  uint16_t format = 0;
  uint16_t xattr_count = 0;
  uint16_t mode = 0;
  uint16_t links = 0;
  uint32_t size = 0;
  uint32_t reserved = 0;
  uint32_t data = 0;  // first block, device number, or chunk format
  uint32_t number = 0;
  uint16_t uid = 0;
  uint16_t gid = 0;
  uint32_t reserved2 = 0;
};
static_assert(sizeof(CompactInode) == 32);

struct ExtendedInode {
  uint16_t format = 0;
  uint16_t xattr_count = 0;
  uint16_t mode = 0;
  uint16_t reserved = 0;
  uint64_t size = 0;
  uint32_t data = 0;
  uint32_t number = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t mtime = 0;
  uint32_t mtime_nanos = 0;
  uint32_t links = 0;
  uint8_t reserved2[16] = {};
};
static_assert(sizeof(ExtendedInode) == 64);

struct ChunkIndex {
  uint16_t reserved = 0;
  uint16_t device = 0;  // 0 is the image itself
  uint32_t block = kNoBlock;

  static constexpr uint32_t kNoBlock = UINT32_MAX;  // a hole
};
static_assert(sizeof(ChunkIndex) == 8);

// Extended attributes behind an inode: this, then entries, each padded to 4 bytes. An inode's
// xattr_count is 0 for none, else 1 + (bytes behind this header) / 4.
struct XattrHeader {
  uint32_t name_filter = 0;
  uint8_t shared_count = 0;
  uint8_t reserved[7] = {};
};
static_assert(sizeof(XattrHeader) == 12);

// Followed by the name, without the prefix that the index stands for, and the value.
struct XattrEntry {
  uint8_t name_size = 0;
  uint8_t name_index = 0;
  uint16_t value_size = 0;
};
static_assert(sizeof(XattrEntry) == 4);

inline constexpr uint8_t kXattrUser = 1;
inline constexpr uint8_t kXattrAclAccess = 2;
inline constexpr uint8_t kXattrAclDefault = 3;
inline constexpr uint8_t kXattrTrusted = 4;
inline constexpr uint8_t kXattrSecurity = 6;

// A directory block: these, then the names they point at; names in byte order over all blocks.
struct __attribute__((packed)) DirectoryEntry {
  uint64_t nid = 0;
  uint16_t name_offset = 0;
  uint8_t file_type = 0;
  uint8_t reserved = 0;
};
static_assert(sizeof(DirectoryEntry) == 12);

constexpr uint64_t blocks_of(uint64_t bytes) {
  return (bytes >> kBlockBits) + (bytes % kErofsBlock != 0 ? 1 : 0);
}
constexpr uint64_t align_to(uint64_t offset, uint64_t unit) {
  return (offset + unit - 1) / unit * unit;
}

}  // namespace skiff::erofs
