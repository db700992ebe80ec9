// `--userns-remap`, as dockerd has it: the ids of containers by /etc/subuid and /etc/subgid.
#pragma once

#include <optional>
#include <string>

#include "base/file.h"
#include "sys/id_map.h"

namespace skiff::engine {

// Who lends ids to containers.
struct SubordinateFiles {
  Path subuid = "/etc/subuid";
  Path subgid = "/etc/subgid";
};

struct UsernsOptions {
  std::optional<sys::IdMaps> remap;  // of containers that say nothing; nullopt: the host's ids
  std::string lender =
      "skiff";  // whose subordinate ids are for containers with ranges of their own
  SubordinateFiles files = {};
};

// All ranges of a user, one after the other from id 0 on. `text` is "default" (the user dockremap),
// USER[:GROUP] or UID[:GID]; the user may be one that has nothing but lines in these files. Groups
// are those lent to GROUP, or to the user where it has none.
// "" and root, whom mapping would change nothing for, are nullopt.
Result<std::optional<sys::IdMaps>> userns_remap(const std::string& text,
                                                const SubordinateFiles& files = {});

// Refused in a daemon of an ordinary user: the ids that it can give are those that its containers
// have already, and files of its user namespace cannot be mounted with others.
Result<> check_lends_ids();

// A user by name or number; of a name that the host does not know it is the name alone.
Result<sys::HostUser> lender(const std::string& name_or_uid);

}  // namespace skiff::engine
