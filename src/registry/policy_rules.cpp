#include "registry/policy_rules.h"

#include <algorithm>

#include "access/room.h"
#include "base/strings.h"
#include "db/attempts.h"
#include "db/texts.h"

namespace skiff::registry {

namespace {

using access::Role;

constexpr access::Rows kRules{"tag_rule", "rules of tags", access::kMostRules};

bool fits(const TagRule& rule, std::string_view repository, std::string_view tag) {
  return reaches(rule.node, repository) && access::matches_pattern(rule.repositories, repository) &&
         access::matches_pattern(rule.tags, tag);
}

Result<std::string> name_of(Database& db, int64_t repository) {
  Statement row = TRY(db.prepare("SELECT name FROM repository WHERE id = ?", repository));
  if (TRY(row.step())) return row.text(0);
  return Error(Code::kInternal, cat("no repository ", repository));
}

Result<> judge(const TagRule& rule, const TagChangeAsked& change, const Actor& actor) {
  if (rule.kind == RuleKind::kImmutable && change.is_there) {
    return refused_by_policy(cat("tag ", change.tag, " is immutable by ", rule.str()));
  }
  if (rule.kind == RuleKind::kProtected && actor.role < rule.role) {
    return refused_by_policy(cat("tag ", change.tag, " is protected by ", rule.str()));
  }
  return {};
}

Result<std::vector<TagRule>> read_rules(Statement rows) {
  std::vector<TagRule> rules;
  while (TRY(rows.step())) {
    TagRule rule{.id = rows.integer(0),
                 .node = rows.text(1),
                 .repositories = rows.text(2),
                 .tags = rows.text(3)};
    rule.kind = TRY(rule_kind_named(rows.text(4)));
    if (rule.kind == RuleKind::kProtected) rule.role = TRY(access::role_named(rows.text(5)));
    rules.push_back(std::move(rule));
  }
  return rules;
}

Result<bool> has_rules(Database& db) {
  Statement row = TRY(db.prepare("SELECT 1 FROM tag_rule LIMIT 1"));
  return row.step();
}

// Those of its nodes alone: the others' are many.
Result<std::vector<TagRule>> rules_above(Database& db, std::string_view repository) {
  const std::vector<std::string> nodes = nodes_above(repository);
  std::string marks = "?";
  for (size_t i = 1; i < nodes.size(); ++i) marks += ",?";
  Statement rows =
      TRY(db.prepare(cat("SELECT id, node, repositories, tags, kind, role "
                         "FROM tag_rule WHERE node IN (",
                         marks, ") ORDER BY id")));
  int at = 0;
  for (const std::string_view node : nodes) TRY(rows.bind(++at, node));
  return read_rules(std::move(rows));
}

}  // namespace

std::string_view rule_kind_name(RuleKind kind) {
  return kind == RuleKind::kImmutable ? "immutable" : "protected";
}

Result<RuleKind> rule_kind_named(std::string_view name) {
  for (const RuleKind kind : {RuleKind::kImmutable, RuleKind::kProtected}) {
    if (rule_kind_name(kind) == name) return kind;
  }
  return Error(Code::kInvalidArgument,
               cat("invalid kind of rule ", quoted(name), ": choose immutable or protected"));
}

Result<TagRule> tag_rule_named(std::string_view kind, std::string_view place,
                               std::string_view role) {
  TagRule rule;
  rule.kind = TRY(rule_kind_named(kind));
  rule.node = TRY(access::node_named(place));
  if (rule.kind == RuleKind::kProtected) {
    rule.role = TRY(access::role_named(role.empty() ? "maintain" : role));
  } else if (!role.empty()) {
    return Error(Code::kInvalidArgument,
                 "a role is of protected tags: immutable ones are so for all");
  }
  return rule;
}

std::string TagRule::str() const {
  const std::string end =
      kind == RuleKind::kProtected ? cat(", from ", access::role_name(role), " up)") : ")";
  return cat("rule ", id, " (", rule_kind_name(kind), " ", tags, " of ", repositories, " on ",
             access::node_text(node), end);
}

Result<TagRule> add_rule(Database& db, TagRule rule) {
  TRY(access::check_pattern(rule.repositories));
  TRY(access::check_pattern(rule.tags));
  const bool is_protected = rule.kind == RuleKind::kProtected;
  if (is_protected && rule.role <= Role::kPush) {
    return Error(Code::kInvalidArgument, "protected tags need a role above push: maintain or own");
  }
  return with_attempts(db, [&](Transaction& tx) -> Result<TagRule> {
    TRY(access::check_room(db, kRules, rule.node));
    {
      Statement last = TRY(db.prepare("SELECT coalesce(max(id), 0) FROM tag_rule"));
      TRY(last.step());
      rule.id = last.integer(0) + 1;
    }
    TRY(
        db.run("INSERT INTO tag_rule(id, node, repositories, tags, kind, role)"
               " VALUES (?,?,?,?,?,?)",
               rule.id, rule.node, rule.repositories, rule.tags, rule_kind_name(rule.kind),
               is_protected ? access::role_name(rule.role) : ""));
    TRY(tx.commit());
    return rule;
  });
}

Result<std::vector<TagRule>> list_rules(Database& db) {
  return read_rules(
      TRY(db.prepare("SELECT id, node, repositories, tags, kind, role FROM tag_rule ORDER BY id")));
}

Result<> remove_rule(Database& db, int64_t id) {
  if (TRY(db.run("DELETE FROM tag_rule WHERE id = ?", id)) > 0) return {};
  return Error(Code::kNotFound, cat("no such rule: ", id));
}

std::vector<TagRule> rules_for(const std::vector<TagRule>& rules, std::string_view repository,
                               std::string_view tag) {
  std::vector<TagRule> out;
  std::ranges::copy_if(rules, std::back_inserter(out),
                       [&](const TagRule& rule) { return fits(rule, repository, tag); });
  return out;
}

Result<> judge_tag(Database& db, const TagChangeAsked& change, const Actor& actor) {
  if (!TRY(has_rules(db))) return {};
  const std::string repository = TRY(name_of(db, change.repository));
  const std::vector<TagRule> rules = TRY(rules_above(db, repository));
  for (const TagRule& rule : rules_for(rules, repository, change.tag)) {
    TRY(judge(rule, change, actor));
  }
  return {};
}

Result<> judge_deletion(Database& db, int64_t repository, const std::string& digest,
                        const Actor& actor) {
  if (!TRY(has_rules(db))) return {};
  const std::string name = TRY(name_of(db, repository));
  const std::vector<TagRule> rules = TRY(rules_above(db, name));
  if (rules.empty()) return {};
  const std::vector<std::string> own = TRY(texts(TRY(
      db.prepare("SELECT name FROM tag WHERE repository = ? AND digest = ?", repository, digest))));
  const std::vector<std::string> above = TRY(texts(
      TRY(db.prepare("WITH RECURSIVE above(digest) AS ("
                     " SELECT parent FROM edge WHERE repository = ?1 AND child = ?2"
                     " UNION SELECT edge.parent FROM edge JOIN above ON edge.child = above.digest"
                     "  WHERE edge.repository = ?1) "
                     "SELECT tag.name FROM above JOIN tag"
                     " ON tag.repository = ?1 AND tag.digest = above.digest",
                     repository, digest))));
  for (const std::string& tag : own) {
    for (const TagRule& rule : rules_for(rules, name, tag)) {
      TRY(judge(rule, {repository, tag, true}, actor));
    }
  }
  for (const std::string& tag : above) {
    for (const TagRule& rule : rules_for(rules, name, tag)) {
      if (rule.kind == RuleKind::kImmutable) TRY(judge(rule, {repository, tag, true}, actor));
    }
  }
  return {};
}

}  // namespace skiff::registry
