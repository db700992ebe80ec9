#include "sys/file_capability.h"

#include <endian.h>
#include <linux/capability.h>

#include <cstring>

namespace skiff::sys {

namespace {

uint32_t word_at(const std::string& value, size_t offset) {
  uint32_t word = 0;
  std::memcpy(&word, value.data() + offset, sizeof word);
  return le32toh(word);
}
void set_word(std::string& value, size_t offset, uint32_t word) {
  word = htole32(word);
  std::memcpy(value.data() + offset, &word, sizeof word);
}
bool has_revision(const std::string& value, size_t size, uint32_t revision) {
  return value.size() == size && (word_at(value, 0) & VFS_CAP_REVISION_MASK) == revision;
}
void set_revision(std::string& value, uint32_t revision) {
  set_word(value, 0, (word_at(value, 0) & ~VFS_CAP_REVISION_MASK) | revision);
}

}  // namespace

void unbind_file_capability(std::string& value) {
  if (!has_revision(value, XATTR_CAPS_SZ_3, VFS_CAP_REVISION_3)) return;
  value.resize(XATTR_CAPS_SZ_2);
  set_revision(value, VFS_CAP_REVISION_2);
}

void bind_file_capability(std::string& value, uint32_t root) {
  if (!has_revision(value, XATTR_CAPS_SZ_2, VFS_CAP_REVISION_2)) return;
  value.resize(XATTR_CAPS_SZ_3);
  set_revision(value, VFS_CAP_REVISION_3);
  set_word(value, XATTR_CAPS_SZ_2, root);
}

}  // namespace skiff::sys
