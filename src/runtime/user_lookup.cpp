// resolve_user: /etc/passwd and /etc/group of an image, read as data that nobody trusts.
#include <algorithm>

#include "base/strings.h"
#include "runtime/container_spec.h"
#include "sys/root_dir.h"

namespace skiff::runtime {

namespace {

constexpr uint64_t kMaxId = 2147483647;

struct PasswdEntry {
  std::string name;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::string home;
};

struct GroupEntry {
  std::string name;
  uint32_t gid = 0;
  std::vector<std::string> members;
};

// Digits only: "+0", "0x0" and " 0" are names, and no way to become root.
std::optional<uint64_t> digits(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return {};
  // More digits than any id has: too large, and still a number.
  return text.size() > 18 ? kMaxId + 1 : parse_uint(text);
}

std::optional<uint32_t> file_id(std::string_view text) {
  std::optional<uint64_t> id = digits(text);
  if (!id || *id > kMaxId) return {};
  return static_cast<uint32_t>(*id);
}

Result<std::string> optional_file(const sys::RootDir& root, const std::string& path) {
  Result<std::string> text = root.read_file(path, size_t{4} << 20U);
  if (!text && text.error().code() == Code::kNotFound) return std::string();
  return text;
}

// Lines that are not of the form are passed over: an id misread as 0 would be root.
std::vector<PasswdEntry> parse_passwd(std::string_view text) {
  std::vector<PasswdEntry> entries;
  for (const std::string& line : split(text, '\n')) {
    std::vector<std::string> f = split(line, ':');
    if (f.size() < 6 || f[0].empty()) continue;
    std::optional<uint32_t> uid = file_id(f[2]);
    std::optional<uint32_t> gid = file_id(f[3]);
    if (uid && gid) entries.push_back({f[0], *uid, *gid, f[5]});
  }
  return entries;
}

std::vector<GroupEntry> parse_group(std::string_view text) {
  std::vector<GroupEntry> entries;
  for (const std::string& line : split(text, '\n')) {
    std::vector<std::string> f = split(line, ':');
    if (f.size() < 4 || f[0].empty()) continue;
    if (std::optional<uint32_t> gid = file_id(f[2])) {
      entries.push_back({f[0], *gid, split(f[3], ',')});
    }
  }
  return entries;
}

Result<uint32_t> checked_id(uint64_t id) {
  if (id > kMaxId) {
    return Error(Code::kInvalidArgument, cat("uids and gids must be in range 0-", kMaxId));
  }
  return static_cast<uint32_t>(id);
}

Result<uint32_t> find_group(const std::vector<GroupEntry>& groups, const std::string& wanted) {
  std::optional<uint64_t> number = digits(wanted);
  for (const GroupEntry& group : groups) {
    if (group.name == wanted || (number && *number == group.gid)) return group.gid;
  }
  if (number) return checked_id(*number);
  return Error(Code::kInvalidArgument,
               cat("unable to find group ", wanted, ": no matching entries in group file"));
}

// Sets uid, gid and home; returns the user's name, "" for an id without an entry.
Result<std::string> apply_user(const std::vector<PasswdEntry>& users, const std::string& wanted,
                               ResolvedUser& resolved) {
  std::optional<uint64_t> number = wanted.empty() ? 0 : digits(wanted);
  for (const PasswdEntry& user : users) {
    bool same = (!wanted.empty() && user.name == wanted) || (number && *number == user.uid);
    if (!same) continue;
    resolved.uid = user.uid;
    resolved.gid = user.gid;
    if (!user.home.empty()) resolved.home = user.home;
    return user.name;
  }
  if (!number) {
    return Error(Code::kInvalidArgument,
                 cat("unable to find user ", wanted, ": no matching entries in passwd file"));
  }
  resolved.uid = TRY(checked_id(*number));
  return std::string();
}

void add_gid(ResolvedUser& resolved, uint32_t gid) {
  auto& gids = resolved.additional_gids;
  if (std::find(gids.begin(), gids.end(), gid) == gids.end()) gids.push_back(gid);
}

}  // namespace

Result<ResolvedUser> resolve_user(const Path& rootfs, const std::string& user,
                                  const std::vector<std::string>& additional_groups) {
  sys::RootDir root = TRY(sys::RootDir::open(rootfs));
  std::vector<PasswdEntry> users = parse_passwd(TRY(optional_file(root, "/etc/passwd")));
  std::vector<GroupEntry> groups = parse_group(TRY(optional_file(root, "/etc/group")));
  auto named = split_once(user, ':');
  std::string user_part(named ? named->first : std::string_view(user));
  std::string group_part(named ? named->second : std::string_view());
  ResolvedUser resolved;
  std::string name = TRY(apply_user(users, user_part, resolved));
  if (!group_part.empty()) resolved.gid = TRY(find_group(groups, group_part));
  // The primary group is always among them (CVE-2022-36109).
  add_gid(resolved, resolved.gid);
  if (group_part.empty() && !name.empty()) {
    for (const GroupEntry& group : groups) {
      const auto& members = group.members;
      if (std::find(members.begin(), members.end(), name) != members.end()) {
        add_gid(resolved, group.gid);
      }
    }
  }
  for (const std::string& extra : additional_groups) {
    add_gid(resolved, TRY(find_group(groups, extra)));
  }
  return resolved;
}

}  // namespace skiff::runtime
