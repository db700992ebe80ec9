// The bits of Go's os.FileMode, which BuildKit's files have on the wire.
#pragma once

#include <sys/stat.h>

#include <cstdint>

namespace skiff::buildkit {

inline constexpr uint32_t kGoDirectory = 1U << 31U;
inline constexpr uint32_t kGoSymlink = 1U << 27U;
inline constexpr uint32_t kGoDevice = 1U << 26U;
inline constexpr uint32_t kGoFifo = 1U << 25U;
inline constexpr uint32_t kGoSocket = 1U << 24U;
inline constexpr uint32_t kGoSetuid = 1U << 23U;
inline constexpr uint32_t kGoSetgid = 1U << 22U;
inline constexpr uint32_t kGoCharDevice = 1U << 21U;
inline constexpr uint32_t kGoSticky = 1U << 20U;
inline constexpr uint32_t kGoIrregular = 1U << 19U;
inline constexpr uint32_t kGoType =
    kGoDirectory | kGoSymlink | kGoDevice | kGoFifo | kGoSocket | kGoCharDevice | kGoIrregular;

// Permissions of st_mode.
constexpr uint32_t from_go_mode(uint32_t go_mode) {
  uint32_t mode = go_mode & 0777U;
  if ((go_mode & kGoSetuid) != 0) mode |= S_ISUID;
  if ((go_mode & kGoSetgid) != 0) mode |= S_ISGID;
  if ((go_mode & kGoSticky) != 0) mode |= S_ISVTX;
  return mode;
}

constexpr uint32_t to_go_mode(uint32_t mode) {
  uint32_t out = mode & 0777U;
  if ((mode & S_ISUID) != 0) out |= kGoSetuid;
  if ((mode & S_ISGID) != 0) out |= kGoSetgid;
  if ((mode & S_ISVTX) != 0) out |= kGoSticky;
  if (S_ISDIR(mode)) out |= kGoDirectory;
  if (S_ISLNK(mode)) out |= kGoSymlink;
  if (S_ISFIFO(mode)) out |= kGoFifo;
  if (S_ISSOCK(mode)) out |= kGoSocket;
  if (S_ISBLK(mode)) out |= kGoDevice;
  if (S_ISCHR(mode)) out |= kGoDevice | kGoCharDevice;
  return out;
}

}  // namespace skiff::buildkit
