#include "codec/erofs_xattrs.h"

#include <cstring>
#include <limits>
#include <optional>

#include "base/strings.h"
#include "codec/erofs_format.h"

namespace skiff {

namespace {

using erofs::XattrEntry;
using erofs::XattrHeader;

struct Prefix {
  std::string_view text;
  uint8_t index;
  bool whole = false;  // the name has nothing behind it
};

constexpr Prefix kPrefixes[] = {
    {"user.", erofs::kXattrUser},
    {"trusted.", erofs::kXattrTrusted},
    {"security.", erofs::kXattrSecurity},
    {"system.posix_acl_access", erofs::kXattrAclAccess, true},
    {"system.posix_acl_default", erofs::kXattrAclDefault, true},
};

const Prefix* prefix_of(std::string_view name) {
  for (const Prefix& prefix : kPrefixes) {
    if (prefix.whole ? name == prefix.text : name.starts_with(prefix.text)) return &prefix;
  }
  return nullptr;
}

Error bad_attribute(std::string_view name, std::string_view why) {
  return {Code::kInvalidArgument, cat("extended attribute ", quoted(name), ": ", why)};
}

template <typename T>
void append_struct(std::string& to, const T& value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

bool is_erofs_xattr(std::string_view name) { return prefix_of(name) != nullptr; }

Result<> erofs::append_xattr(std::string& encoded, std::string_view name, std::string_view value) {
  const Prefix* prefix = prefix_of(name);
  if (prefix == nullptr) return bad_attribute(name, "no such kind");
  const std::string_view rest = name.substr(prefix->text.size());
  if (rest.empty() != prefix->whole) return bad_attribute(name, "the name is empty");
  if (rest.find('\0') != std::string_view::npos)
    return bad_attribute(name, "the name holds a NUL byte");
  if (name.size() > kMaxName) return bad_attribute(name, "the name is too long");
  if (value.size() > std::numeric_limits<uint16_t>::max())
    return bad_attribute(name, "the value is too long");
  constexpr size_t kMost = sizeof(XattrHeader) + size_t{4} * (UINT16_MAX - 1);
  const size_t size = align_to(sizeof(XattrEntry) + rest.size() + value.size(), 4);
  if (encoded.size() + sizeof(XattrHeader) + size > kMost)
    return bad_attribute(name, "too many of them");
  if (encoded.empty()) append_struct(encoded, XattrHeader{});
  append_struct(encoded, XattrEntry{.name_size = static_cast<uint8_t>(rest.size()),
                                    .name_index = prefix->index,
                                    .value_size = static_cast<uint16_t>(value.size())});
  encoded.append(rest).append(value);
  encoded.resize(align_to(encoded.size(), 4));
  return {};
}

}  // namespace skiff
