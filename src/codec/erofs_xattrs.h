// Extended attributes in EROFS's form: what stands behind an inode. Private to codec/, but for
// is_erofs_xattr.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace skiff {

// Whether EROFS can say this name: user.*, trusted.*, security.* and the two POSIX ACLs.
bool is_erofs_xattr(std::string_view name);

namespace erofs {

// Adds an attribute to `encoded`, which is empty or what earlier calls made. kInvalidArgument
// for a name or value that EROFS cannot hold: empty or longer than 255 bytes behind its prefix,
// a zero byte, a value above 65,535 bytes, together more than 256 KiB.
Result<> append_xattr(std::string& encoded, std::string_view name, std::string_view value);

}  // namespace erofs
}  // namespace skiff
