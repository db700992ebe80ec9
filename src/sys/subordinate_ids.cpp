#include "sys/subordinate_ids.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "base/strings.h"

namespace skiff::sys {

namespace {

constexpr uint64_t kIdEnd = std::numeric_limits<uint32_t>::max();  // the last one means "none"
constexpr size_t kEntryBytes = size_t{64} << 10U;

template <typename Number>
std::optional<Number> id_of(const std::string& text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos) return {};
  const std::optional<uint64_t> id = parse_uint(text);
  if (!id || *id >= kIdEnd) return {};
  return static_cast<Number>(*id);
}

Result<IdRange> parse_range(std::string_view first, std::string_view count) {
  const std::optional<uint64_t> from = parse_uint(trim(first));
  const std::optional<uint64_t> ids = parse_uint(trim(count));
  if (!from || !ids || *ids == 0 || *from >= kIdEnd || *ids > kIdEnd - *from) {
    return Error(Code::kInvalidArgument, "want OWNER:FIRST:COUNT with ids below 4294967295");
  }
  return IdRange{static_cast<uint32_t>(*from), static_cast<uint32_t>(*ids)};
}

bool overlap(const IdRange& a, const IdRange& b) {
  return a.first < uint64_t{b.first} + b.count && b.first < uint64_t{a.first} + a.count;
}

}  // namespace

Result<HostUser> find_host_user(const std::string& name_or_uid) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(kEntryBytes);
  const auto uid = id_of<uid_t>(name_or_uid);
  const int failed =
      uid ? ::getpwuid_r(*uid, &entry, buffer.data(), buffer.size(), &found)
          : ::getpwnam_r(name_or_uid.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found != nullptr) return HostUser{entry.pw_name, entry.pw_uid, entry.pw_gid};
  if (failed != 0) return Error::from_errno(failed, cat("look up user ", quoted(name_or_uid)));
  return Error(Code::kNotFound, cat("no user ", quoted(name_or_uid), " on this host"));
}

Result<gid_t> find_host_group(const std::string& name_or_gid) {
  group entry{};
  group* found = nullptr;
  std::vector<char> buffer(kEntryBytes);
  const auto gid = id_of<gid_t>(name_or_gid);
  const int failed =
      gid ? ::getgrgid_r(*gid, &entry, buffer.data(), buffer.size(), &found)
          : ::getgrnam_r(name_or_gid.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found != nullptr) return entry.gr_gid;
  if (failed != 0) return Error::from_errno(failed, cat("look up group ", quoted(name_or_gid)));
  return Error(Code::kNotFound, cat("no group ", quoted(name_or_gid), " on this host"));
}

Result<std::vector<IdRange>> parse_subordinate_ids(std::string_view text, const HostUser& owner) {
  std::vector<IdRange> ranges;
  for (const std::string& line : split(text, '\n')) {
    const std::vector<std::string> fields = split(trim(line), ':');
    if (fields[0] != owner.name && fields[0] != cat(owner.uid)) continue;
    if (fields.size() != 3) {
      return Error(Code::kInvalidArgument, cat("line ", quoted(line), ": want OWNER:FIRST:COUNT"));
    }
    const IdRange range =
        TRY_CONTEXT(parse_range(fields[1], fields[2]), cat("line ", quoted(line)));
    const auto other = std::find_if(ranges.begin(), ranges.end(),
                                    [&](const IdRange& known) { return overlap(known, range); });
    if (other != ranges.end()) {
      return Error(Code::kInvalidArgument, cat("line ", quoted(line), " overlaps the range of ",
                                               other->count, " ids from ", other->first));
    }
    ranges.push_back(range);
  }
  return ranges;
}

Result<std::vector<IdRange>> subordinate_ids(const Path& file, const HostUser& owner) {
  const std::string text = TRY(read_file(file));
  std::vector<IdRange> ranges = TRY_CONTEXT(parse_subordinate_ids(text, owner), file.native());
  if (!ranges.empty()) return ranges;
  return Error(Code::kNotFound, cat("no line of user ", owner.name, " in ", file.native(),
                                    ": add one, as root, with ids that nobody has: \"", owner.name,
                                    ":FIRST:65536\""));
}

}  // namespace skiff::sys
