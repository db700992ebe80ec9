#include "access/teams.h"

#include <map>

#include "access/accounts.h"
#include "base/strings.h"
#include "db/texts.h"

namespace skiff::access {

namespace {

Result<std::vector<std::string>> members_of(Store& store, int64_t team) {
  Statement row =
      TRY(store.db().prepare("SELECT account.name FROM membership JOIN account ON "
                             "account.id = membership.account WHERE team = ? ORDER BY name",
                             team));
  return texts(std::move(row));
}

}  // namespace

Result<> add_team(Store& store, const TeamName& name) {
  const Result<int64_t> added = store.db().run("INSERT INTO team(organisation, name) VALUES (?, ?)",
                                               name.organisation, name.name);
  if (added) return {};
  if (added.error().code() != Code::kAlreadyExists) return added.error();
  return Error(Code::kAlreadyExists,
               cat("team ", name.organisation, "/", name.name, " is there already"));
}

Result<Team> find_team(Store& store, const TeamName& name) {
  Statement row = TRY(store.db().prepare("SELECT id FROM team WHERE organisation = ? AND name = ?",
                                         name.organisation, name.name));
  if (!TRY(row.step())) {
    return Error(Code::kNotFound, cat("no such team: ", name.organisation, "/", name.name));
  }
  Team team{.id = row.integer(0), .name = name};
  team.members = TRY(members_of(store, team.id));
  return team;
}

Result<std::vector<Team>> list_teams(Store& store) {
  Statement row = TRY(
      store.db().prepare("SELECT id, organisation, name FROM team ORDER BY organisation, name"));
  std::vector<Team> teams;
  std::map<int64_t, size_t> by_id;
  while (TRY(row.step())) {
    by_id[row.integer(0)] = teams.size();
    teams.push_back({.id = row.integer(0), .name = {row.text(1), row.text(2)}, .members = {}});
  }
  // All at once: a question for each team would be a thousand.
  Statement members =
      TRY(store.db().prepare("SELECT team, account.name FROM membership JOIN account ON "
                             "account.id = membership.account ORDER BY account.name"));
  while (TRY(members.step())) {
    teams[by_id.at(members.integer(0))].members.push_back(members.text(1));
  }
  return teams;
}

Result<> remove_team(Store& store, const TeamName& name) {
  Transaction tx = TRY(store.db().begin());
  const Team team = TRY(find_team(store, name));
  TRY(store.db().run("DELETE FROM access_grant WHERE subject_kind = 'team' AND subject = ?",
                     team.id));
  TRY(store.db().run("DELETE FROM team WHERE id = ?", team.id));
  return tx.commit();
}

Result<> add_member(Store& store, const TeamName& team, const std::string& account) {
  Transaction tx = TRY(store.db().begin());
  TRY(
      store.db().run("INSERT INTO membership(team, account) VALUES (?, ?) "
                     "ON CONFLICT(team, account) DO NOTHING",
                     TRY(find_team(store, team)).id, TRY(find_account(store, account)).id));
  return tx.commit();
}

Result<> remove_member(Store& store, const TeamName& team, const std::string& account) {
  Transaction tx = TRY(store.db().begin());
  TRY(store.db().run("DELETE FROM membership WHERE team = ? AND account = ?",
                     TRY(find_team(store, team)).id, TRY(find_account(store, account)).id));
  return tx.commit();
}

}  // namespace skiff::access
