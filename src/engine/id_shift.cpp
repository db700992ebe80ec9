#include "engine/id_shift.h"

#include "base/strings.h"
#include "sys/file_capability.h"

namespace skiff::engine {

namespace {

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
  const auto found = entry.xattrs.find(sys::kFileCapability);
  if (found != entry.xattrs.end()) sys::unbind_file_capability(found->second);
  if (!maps_) return;
  entry.uid =
      sys::inside_id(maps_->uids, static_cast<uint32_t>(entry.uid)).value_or(sys::kUnmappedId);
  entry.gid =
      sys::inside_id(maps_->gids, static_cast<uint32_t>(entry.gid)).value_or(sys::kUnmappedId);
}

Result<> IdShift::to_outside(TarEntry& entry) const {
  if (!maps_) return {};
  const std::optional<uint32_t> uid = outside(maps_->uids, entry.uid);
  const std::optional<uint32_t> gid = outside(maps_->gids, entry.gid);
  if (!uid) return no_such_id(entry, "user", entry.uid);
  if (!gid) return no_such_id(entry, "group", entry.gid);
  entry.uid = *uid;
  entry.gid = *gid;
  const auto found = entry.xattrs.find(sys::kFileCapability);
  const std::optional<uint32_t> root = sys::outside_id(maps_->uids, 0);
  if (found != entry.xattrs.end() && root) sys::bind_file_capability(found->second, *root);
  return {};
}

}  // namespace skiff::engine
