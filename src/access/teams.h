// Teams of an organisation: what is granted to one, each of its members may.
#pragma once

#include <vector>

#include "access/roles.h"
#include "access/store.h"

namespace skiff::access {

struct Team {
  int64_t id = 0;
  TeamName name;
  std::vector<std::string> members;  // by name

  std::string str() const { return name.organisation + "/" + name.name; }
};

// kAlreadyExists.
Result<> add_team(Store& store, const TeamName& name);
// With its members; kNotFound.
Result<Team> find_team(Store& store, const TeamName& name);
Result<std::vector<Team>> list_teams(Store& store);
// With its grants; kNotFound.
Result<> remove_team(Store& store, const TeamName& name);
// Nothing happens where it is so already; kNotFound of the team or the account.
Result<> add_member(Store& store, const TeamName& team, const std::string& account);
Result<> remove_member(Store& store, const TeamName& team, const std::string& account);

}  // namespace skiff::access
