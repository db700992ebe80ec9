#include "engine/id_shift.h"

#include <endian.h>
#include <linux/capability.h>

#include <cstring>

#include "base/strings.h"

namespace skiff::engine {

namespace {

constexpr const char* kCapability = "security.capability";

// capabilities(7): the second form has the root of a user namespace at the end, little-endian.
uint32_t word_at(const std::string& value, size_t offset) {
  uint32_t word = 0;
  std::memcpy(&word, value.data() + offset, sizeof word);
  return le32toh(word);
}
void set_word(std::string& value, size_t offset, uint32_t word) {
  word = htole32(word);
  std::memcpy(value.data() + offset, &word, sizeof word);
}
void set_revision(std::string& value, uint32_t revision) {
  set_word(value, 0, (word_at(value, 0) & ~VFS_CAP_REVISION_MASK) | revision);
}

Error no_such_id(const TarEntry& entry, std::string_view kind, uint64_t id) {
  return {Code::kInvalidArgument, cat(entry.name, ": ", kind, " ", id,
                                      " cannot be mapped to a host ID: the container's user ",
                                      "namespace does not have it")};
}

std::optional<uint32_t> outside(const std::vector<sys::IdMapping>& mappings, uint64_t id) {
  if (id > UINT32_MAX) return std::nullopt;
  return sys::outside_id(mappings, static_cast<uint32_t>(id));
}

}  // namespace

void IdShift::to_inside(TarEntry& entry) const {
  if (!maps_) return;
  entry.uid =
      sys::inside_id(maps_->uids, static_cast<uint32_t>(entry.uid)).value_or(sys::kUnmappedId);
  entry.gid =
      sys::inside_id(maps_->gids, static_cast<uint32_t>(entry.gid)).value_or(sys::kUnmappedId);
  const auto found = entry.xattrs.find(kCapability);
  if (found == entry.xattrs.end() || found->second.size() != XATTR_CAPS_SZ_3) return;
  found->second.resize(XATTR_CAPS_SZ_2);
  set_revision(found->second, VFS_CAP_REVISION_2);
}

Result<> IdShift::to_outside(TarEntry& entry) const {
  if (!maps_) return {};
  const std::optional<uint32_t> uid = outside(maps_->uids, entry.uid);
  const std::optional<uint32_t> gid = outside(maps_->gids, entry.gid);
  if (!uid) return no_such_id(entry, "user", entry.uid);
  if (!gid) return no_such_id(entry, "group", entry.gid);
  entry.uid = *uid;
  entry.gid = *gid;
  const auto found = entry.xattrs.find(kCapability);
  const std::optional<uint32_t> root = sys::outside_id(maps_->uids, 0);
  if (found == entry.xattrs.end() || found->second.size() != XATTR_CAPS_SZ_2 || !root) return {};
  found->second.resize(XATTR_CAPS_SZ_3);
  set_revision(found->second, VFS_CAP_REVISION_3);
  set_word(found->second, XATTR_CAPS_SZ_2, *root);
  return {};
}

}  // namespace skiff::engine
