#include "engine/userns_remap.h"

#include <algorithm>

#include "base/log.h"
#include "base/strings.h"
#include "sys/namespaces.h"

namespace skiff::engine {

namespace {

constexpr std::string_view kDefaultUser = "dockremap";
constexpr uint32_t kNobodysId = static_cast<uint32_t>(-1);
constexpr size_t kMostMappings = 340;  // that the kernel takes

// By the group's name or number; empty where it has no line.
Result<std::vector<sys::IdRange>> ranges_of_group(const std::string& group, const Path& subgid) {
  const gid_t gid = TRY(sys::find_host_group(group));
  const std::string text = TRY(read_file(subgid));
  const sys::HostUser owner{.name = group, .uid = gid, .gid = gid};
  return sys::parse_subordinate_ids(text, owner).context(subgid.native());
}

Result<std::vector<sys::IdMapping>> mapping_of(const std::vector<sys::IdRange>& ranges) {
  if (ranges.size() <= kMostMappings) return sys::map_from_zero(ranges);
  return Error(Code::kInvalidArgument,
               cat(ranges.size(), " ranges are more than the ", kMostMappings,
                   " that the kernel takes: lend fewer, larger ones"));
}

}  // namespace

Result<> check_lends_ids() {
  if (!sys::in_user_namespace()) return {};
  return Error(Code::kFailedPrecondition,
               "a daemon without root has no other ids to give: its containers are in its user's "
               "namespace, whose root is that user, already");
}

Result<sys::HostUser> lender(const std::string& name_or_uid) {
  Result<sys::HostUser> user = sys::find_host_user(name_or_uid);
  if (user || user.error().code() != Code::kNotFound) return user;
  return sys::HostUser{.name = name_or_uid, .uid = kNobodysId, .gid = kNobodysId};
}

Result<std::optional<sys::IdMaps>> userns_remap(const std::string& text,
                                                const SubordinateFiles& files) {
  if (text.empty()) return std::nullopt;
  const auto parts = split_once(text, ':');
  std::string name(parts ? parts->first : std::string_view(text));
  const std::string group(parts ? parts->second : std::string_view());
  if (name.empty() || (parts && group.empty()) || group.find(':') != std::string::npos) {
    return Error(Code::kInvalidArgument,
                 cat(quoted(text), " is not of the form USER[:GROUP], UID[:GID] or default"));
  }
  if (name == "default" && !parts) name = kDefaultUser;
  const sys::HostUser user = TRY(lender(name));
  if (user.uid == 0) {
    log_warn("User namespaces: root cannot be remapped with itself; user namespaces are OFF");
    return std::nullopt;
  }
  TRY(check_lends_ids());
  sys::IdMaps maps;
  const std::vector<sys::IdRange> uids = TRY(sys::subordinate_ids(files.subuid, user));
  std::vector<sys::IdRange> gids;
  if (!group.empty()) gids = TRY(ranges_of_group(group, files.subgid));
  if (gids.empty()) gids = TRY(sys::subordinate_ids(files.subgid, user));
  maps.uids = TRY_CONTEXT(mapping_of(uids), files.subuid.native());
  maps.gids = TRY_CONTEXT(mapping_of(gids), files.subgid.native());
  return maps;
}

}  // namespace skiff::engine
