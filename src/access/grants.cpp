#include "access/grants.h"

#include <array>
#include <utility>

#include "access/accounts.h"
#include "access/room.h"
#include "access/teams.h"
#include "base/strings.h"
#include "db/texts.h"

namespace skiff::access {

namespace {

using Kind = Subject::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 4> kSubjectKinds = {{
    {"account", Kind::kAccount},
    {"team", Kind::kTeam},
    {"everybody", Kind::kEverybody},
    {"known", Kind::kKnown},
}};

constexpr std::array<std::pair<std::string_view, Visibility>, 4> kVisibilities = {{
    {"public", Visibility::kPublic},
    {"internal", Visibility::kInternal},
    {"private", Visibility::kPrivate},
    {"inherited", Visibility::kInherited},
}};

std::string_view kind_text(Kind kind) {
  for (const auto& [text, value] : kSubjectKinds) {
    if (value == kind) return text;
  }
  return "";
}

Kind kind_of(const std::string& text) {
  for (const auto& [name, value] : kSubjectKinds) {
    if (name == text) return value;
  }
  return Kind::kAccount;
}

constexpr std::string_view kTeamPrefix = "team:";

constexpr Rows kGrants{"access_grant", "grants", kMostGrants};
constexpr Rows kClosedNodes{"closed_node", "closed places", kMostGrants};

Result<bool> is_granted(Store& store, const std::string& node, const Subject& subject) {
  Statement row = TRY(store.db().prepare(
      "SELECT 1 FROM access_grant WHERE node = ? AND subject_kind = ? AND subject = ?", node,
      kind_text(subject.kind), subject.id));
  return TRY(row.step());
}

}  // namespace

Result<Subject> subject_named(Store& store, const std::string& text) {
  if (text == "everybody") return Subject{Kind::kEverybody};
  if (text == "known") return Subject{Kind::kKnown};
  if (text.starts_with(kTeamPrefix)) {
    const TeamName name = TRY(team_named(text.substr(kTeamPrefix.size())));
    return Subject{Kind::kTeam, TRY(find_team(store, name)).id};
  }
  return Subject{Kind::kAccount, TRY(find_account(store, text)).id};
}

Result<> set_grant(Store& store, const std::string& node, const Subject& subject, Role role,
                   TimePoint expires) {
  if (!TRY(is_granted(store, node, subject))) TRY(check_room(store.db(), kGrants, node));
  TRY(store.db().run(
      "INSERT INTO access_grant(node, subject_kind, subject, role, expires) "
      "VALUES (?,?,?,?,?) ON CONFLICT(node, subject_kind, subject) DO UPDATE "
      "SET role = excluded.role, expires = excluded.expires",
      node, kind_text(subject.kind), subject.id, role_name(role), unix_nanos(expires)));
  return {};
}

Result<> remove_grant(Store& store, const std::string& node, const Subject& subject) {
  const int64_t removed = TRY(
      store.db().run("DELETE FROM access_grant WHERE node = ? AND subject_kind = ? AND subject = ?",
                     node, kind_text(subject.kind), subject.id));
  if (removed > 0) return {};
  return Error(Code::kNotFound, cat("nothing is granted there on ", node_text(node)));
}

Result<std::vector<Grant>> list_grants(Store& store, const std::optional<std::string>& node) {
  Statement row =
      TRY(store.db().prepare("SELECT node, subject_kind, subject, role, expires, CASE subject_kind"
                             " WHEN 'account' THEN (SELECT name FROM account WHERE id = subject)"
                             " WHEN 'team' THEN (SELECT 'team:' || organisation || '/' || name"
                             " FROM team WHERE id = subject)"
                             " ELSE subject_kind END "
                             "FROM access_grant WHERE ?1 IS NULL OR node = ?1 ORDER BY node, 6",
                             node));
  std::vector<Grant> grants;
  while (TRY(row.step())) {
    grants.push_back({.node = row.text(0),
                      .subject = {kind_of(row.text(1)), row.integer(2)},
                      .role = TRY(role_named(row.text(3))),
                      .expires = time_of(row, 4),
                      .subject_text = row.text(5)});
  }
  return grants;
}

std::string_view visibility_name(Visibility visibility) {
  for (const auto& [text, value] : kVisibilities) {
    if (value == visibility) return text;
  }
  return "";
}

Result<Visibility> visibility_named(std::string_view name) {
  for (const auto& [text, value] : kVisibilities) {
    if (text == name) return value;
  }
  return Error(Code::kInvalidArgument, cat("invalid visibility ", quoted(name),
                                           ": choose public, internal, private or inherited"));
}

Result<> set_visibility(Store& store, const std::string& node, Visibility visibility) {
  Transaction tx = TRY(store.db().begin());
  TRY(
      store.db().run("DELETE FROM access_grant WHERE node = ? AND "
                     "subject_kind IN ('everybody', 'known')",
                     node));
  TRY(store.db().run("DELETE FROM closed_node WHERE node = ?", node));
  if (visibility == Visibility::kPublic)
    TRY(set_grant(store, node, {Kind::kEverybody}, Role::kPull));
  if (visibility == Visibility::kInternal || visibility == Visibility::kPrivate) {
    TRY(check_room(store.db(), kClosedNodes, node));
    TRY(store.db().run("INSERT INTO closed_node(node) VALUES (?)", node));
  }
  if (visibility == Visibility::kInternal) TRY(set_grant(store, node, {Kind::kKnown}, Role::kPull));
  return tx.commit();
}

Result<std::vector<std::string>> closed_nodes(Store& store) {
  Statement row = TRY(store.db().prepare("SELECT node FROM closed_node ORDER BY node"));
  return texts(std::move(row));
}

}  // namespace skiff::access
