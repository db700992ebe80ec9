// The ranges of ids that /etc/subuid and /etc/subgid lend to users (subuid(5)): lines of
// OWNER:FIRST:COUNT, where the owner is a name or a number and may have several lines.
//
//   auto user = TRY(find_host_user("dockremap"));
//   auto uids = TRY(subordinate_ids("/etc/subuid", user));   // {{100000, 65536}}
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace skiff::sys {

struct IdRange {
  uint32_t first = 0;
  uint32_t count = 0;
  bool operator==(const IdRange&) const = default;
};

// Who the ranges are lent to: of subgid, too, it is a user.
struct HostUser {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;  // the primary group
};

// A user of the host's by name or by number; kNotFound.
Result<HostUser> find_host_user(const std::string& name_or_uid);
// The number of a group of the host's, by name or by number; kNotFound.
Result<gid_t> find_host_group(const std::string& name_or_gid);

// The owner's ranges in the file's order; none is no error. A line of the owner's that is not of
// the form is kInvalidArgument, as are ranges that overlap; those of others are passed over.
Result<std::vector<IdRange>> parse_subordinate_ids(std::string_view text, const HostUser& owner);
// The same of a file; kNotFound, and what to do, where the owner has none.
Result<std::vector<IdRange>> subordinate_ids(const Path& file, const HostUser& owner);

}  // namespace skiff::sys
