#include "snapshot/layer_xattrs.h"

#include <linux/capability.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "base/strings.h"
#include "codec/erofs_xattrs.h"

namespace skiff::snapshot {

namespace {

constexpr std::string_view kAclAccess = "system.posix_acl_access";
constexpr std::string_view kAclDefault = "system.posix_acl_default";
constexpr std::string_view kCapability = "security.capability";

template <typename T>
T read_struct(std::string_view bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

// The kernel takes versions 2 and 3, each of one size.
bool is_capability(std::string_view value) {
  if (value.size() < sizeof(uint32_t)) return false;
  const auto revision = read_struct<uint32_t>(value, 0) & VFS_CAP_REVISION_MASK;
  return (revision == VFS_CAP_REVISION_2 && value.size() == XATTR_CAPS_SZ_2) ||
         (revision == VFS_CAP_REVISION_3 && value.size() == XATTR_CAPS_SZ_3);
}

enum class Acl { kGood, kNone, kBad };

// An ACL says owner, users, group, groups, mask, others, in this order; what is needed is
// there, and nobody twice (as the kernel's posix_acl_valid).
Acl check_acl(std::string_view value) {
  constexpr size_t kHeader = sizeof(posix_acl_xattr_header);
  constexpr size_t kEntry = sizeof(posix_acl_xattr_entry);
  if (value.size() < kHeader || (value.size() - kHeader) % kEntry != 0) return Acl::kBad;
  if (read_struct<posix_acl_xattr_header>(value, 0).a_version != POSIX_ACL_XATTR_VERSION) {
    return Acl::kNone;
  }
  if (value.size() == kHeader) return Acl::kNone;
  unsigned last = 0;
  unsigned seen = 0;
  for (size_t at = kHeader; at < value.size(); at += kEntry) {
    const auto entry = read_struct<posix_acl_xattr_entry>(value, at);
    const unsigned tag = entry.e_tag;
    const bool is_known = tag != 0 && tag <= ACL_OTHER && (tag & (tag - 1)) == 0;
    const bool may_repeat = tag == ACL_USER || tag == ACL_GROUP;
    if (!is_known || tag < last || (tag == last && !may_repeat)) return Acl::kBad;
    if ((entry.e_perm & ~0x7U) != 0) return Acl::kBad;
    last = tag;
    seen |= tag;
  }
  const unsigned needed = ACL_USER_OBJ | ACL_GROUP_OBJ | ACL_OTHER;
  const bool needs_mask = (seen & (ACL_USER | ACL_GROUP)) != 0;
  const bool is_whole = (seen & needed) == needed && (!needs_mask || (seen & ACL_MASK) != 0);
  return is_whole ? Acl::kGood : Acl::kBad;
}

// Whether to keep it, or the errno that setting it would give.
struct XattrRule {
  bool keep = false;
  int error = 0;
};

XattrRule judge(std::string_view name, std::string_view value, mode_t type) {
  if (!is_tree_xattr(name) || !is_erofs_xattr(name)) return {};
  if (name.starts_with("user.")) return {.keep = S_ISREG(type) || S_ISDIR(type)};
  if (name == kCapability) return {.keep = true, .error = is_capability(value) ? 0 : EINVAL};
  if (name != kAclAccess && name != kAclDefault) return {.keep = true};
  if (S_ISLNK(type)) return {};
  const Acl acl = check_acl(value);
  if (acl == Acl::kBad) return {.error = EINVAL};
  if (acl == Acl::kNone) return {};
  if (name == kAclDefault && !S_ISDIR(type)) return {.error = EACCES};
  return {.keep = true};
}

}  // namespace

Result<Xattrs> index_xattrs(const Xattrs& xattrs, mode_t type) {
  Xattrs kept;
  for (const auto& [name, value] : xattrs) {
    const XattrRule verdict = judge(name, value, type);
    if (verdict.error != 0) {
      return Error(Code::kInvalidArgument,
                   cat("set extended attribute ", name, ": ", std::strerror(verdict.error)));
    }
    if (verdict.keep) kept.emplace(name, value);
  }
  return kept;
}

}  // namespace skiff::snapshot
