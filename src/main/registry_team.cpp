// skiff-registry team ...
#include "access/teams.h"
#include "base/strings.h"
#include "main/registry_commands.h"

namespace skiff {

namespace {

Result<> add_team(const Invocation& call) {
  const access::TeamName name = TRY(access::team_named(call.operands[0]));
  access::Store store = TRY(accounts_to_read(call));
  return access::add_team(store, name);
}

Result<> list_teams(const Invocation& call) {
  access::Store store = TRY(accounts_to_read(call));
  std::vector<std::vector<std::string>> rows = {{"TEAM", "MEMBERS"}};
  for (const access::Team& team : TRY(access::list_teams(store))) {
    rows.push_back({team.str(), join(team.members, ", ")});
  }
  print_table(rows);
  return {};
}

Result<> remove_team(const Invocation& call) {
  const access::TeamName name = TRY(access::team_named(call.operands[0]));
  access::Store store = TRY(accounts_to_read(call));
  return access::remove_team(store, name);
}

Result<> join_team(const Invocation& call) {
  const access::TeamName name = TRY(access::team_named(call.operands[0]));
  access::Store store = TRY(accounts_to_read(call));
  return access::add_member(store, name, call.operands[1]);
}

Result<> leave_team(const Invocation& call) {
  const access::TeamName name = TRY(access::team_named(call.operands[0]));
  access::Store store = TRY(accounts_to_read(call));
  return access::remove_member(store, name, call.operands[1]);
}

constexpr Verb kTeamVerbs[] = {
    {"team add", "ORGANISATION/TEAM", "Add a team", "", 1, 1, add_team},
    {"team list", "", "List the teams and who is in them", "", 0, 0, list_teams, true},
    {"team remove", "ORGANISATION/TEAM", "Remove a team, with all that was granted to it", "", 1, 1,
     remove_team},
    {"team join", "ORGANISATION/TEAM NAME", "Put a user or a robot into a team", "", 2, 2,
     join_team},
    {"team leave", "ORGANISATION/TEAM NAME", "Take a user or a robot out of a team", "", 2, 2,
     leave_team},
};

}  // namespace

std::span<const Verb> team_verbs() { return kTeamVerbs; }

}  // namespace skiff
