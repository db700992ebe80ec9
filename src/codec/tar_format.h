// The blocks of a tar archive as POSIX.1-2001 (pax) and GNU tar define them. Private to codec/.
#pragma once

#include <cstddef>
#include <cstdint>

namespace skiff::tar {

inline constexpr size_t kBlock = 512;
// What follows a body of that size, up to the next block.
inline uint64_t padding_of(uint64_t size) { return (kBlock - size % kBlock) % kBlock; }
// More than any real name, link or set of attributes; less than an attack on our memory.
inline constexpr uint64_t kMaxMetadata = uint64_t{1} << 20U;

struct SparseField {
  char offset[12];
  char size[12];
};

struct Header {
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char link_target[100];
  char magic[6];    // "ustar\0"; GNU: "ustar "
  char version[2];  // "00"; GNU: " \0"
  char user[32];
  char group[32];
  char dev_major[8];
  char dev_minor[8];
  char prefix[155];  // GNU keeps other things here
  char unused[12];
};
static_assert(sizeof(Header) == kBlock);

// GNU's old header from the prefix field on.
struct GnuTail {
  char before[345];
  char atime[12];
  char ctime[12];
  char offset[12];
  char long_names[4];
  char unused;
  SparseField sparse[4];
  char is_extended;
  char real_size[12];
  char rest[17];
};
static_assert(sizeof(GnuTail) == kBlock);

// What follows a header whose sparse map has more than four pieces.
struct GnuSparseBlock {
  SparseField sparse[21];
  char is_extended;
  char rest[7];
};
static_assert(sizeof(GnuSparseBlock) == kBlock);

// The sum of the header's bytes, its checksum field taken as blanks.
struct Checksums {
  int64_t of_unsigned = 0;
  int64_t of_signed = 0;  // what some old programs compute
};
inline Checksums checksums(const Header& header) {
  Checksums sums;
  const char* bytes = reinterpret_cast<const char*>(&header);
  for (size_t i = 0; i < kBlock; ++i) {
    const bool own = i >= offsetof(Header, checksum) && i < offsetof(Header, type);
    const char c = own ? ' ' : bytes[i];
    sums.of_unsigned += static_cast<unsigned char>(c);
    sums.of_signed += static_cast<signed char>(c);
  }
  return sums;
}

}  // namespace skiff::tar
