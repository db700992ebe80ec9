// How overlayfs writes deletions (kernel, Documentation/filesystems/overlayfs.rst) and how a
// layer tar writes them (OCI image-spec, layer.md, Whiteouts).
#pragma once

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <string_view>

namespace skiff::snapshot {

// A deleted name is a character device 0:0; a directory that hides the one below it has the
// extended attribute trusted.overlay.opaque=y. Who may not set trusted.* mounts with `userxattr`,
// and the same is said in user.overlay.*.
const char* opaque_xattr();
inline constexpr std::string_view kTrustedOverlayXattrs = "trusted.overlay.";
inline constexpr std::string_view kUserOverlayXattrs = "user.overlay.";

inline bool is_whiteout(const struct stat& st) { return S_ISCHR(st.st_mode) && st.st_rdev == 0; }
// Of an open directory.
bool is_opaque(int directory);

// A deleted name x is an empty file .wh.x; an opaque directory holds a file .wh..wh..opq.
inline constexpr std::string_view kWhiteoutPrefix = ".wh.";
inline constexpr std::string_view kOpaqueMarker = ".wh..wh..opq";
// Other names of this kind are AUFS's own bookkeeping and mean nothing in a layer.
inline constexpr std::string_view kAufsPrefix = ".wh..wh.";

}  // namespace skiff::snapshot
