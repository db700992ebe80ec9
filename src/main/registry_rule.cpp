// skiff-registry rule ...
#include <cstdio>

#include "base/strings.h"
#include "main/registry_commands.h"
#include "registry/policy_rules.h"

namespace skiff {

namespace {

using registry::RuleKind;
using registry::TagRule;

Result<> add_rule(const Invocation& call) {
  TagRule rule = TRY(registry::tag_rule_named(call.operands[0], call.operands[1], call.role));
  Database db = TRY(registry_database(call));
  for (const Patterns& each : patterns(call)) {
    rule.repositories = each.repositories;
    rule.tags = each.tags;
    fputs(cat(TRY(registry::add_rule(db, rule)).str(), "\n").c_str(), stdout);
  }
  return {};
}

Result<> list_rules(const Invocation& call) {
  Database db = TRY(registry_database(call));
  std::vector<std::vector<std::string>> rows = {
      {"ID", "KIND", "PLACE", "REPOSITORIES", "TAGS", "ROLE"}};
  for (const TagRule& rule : TRY(registry::list_rules(db))) {
    const bool is_protected = rule.kind == RuleKind::kProtected;
    rows.push_back({cat(rule.id), std::string(registry::rule_kind_name(rule.kind)),
                    access::node_text(rule.node), rule.repositories, rule.tags,
                    is_protected ? std::string(access::role_name(rule.role)) : ""});
  }
  print_table(rows);
  return {};
}

Result<> remove_rule(const Invocation& call) {
  return remove_numbered(call, registry::remove_rule);
}

constexpr Verb kRuleVerbs[] = {
    {"rule add", "immutable|protected PLACE",
     "Make tags of a place and below it immutable, or protected: only who has a role, maintain if "
     "none is named, may set, move or delete them",
     "repository tag role", 2, 2, add_rule},
    {"rule list", "", "List the rules of tags", "", 0, 0, list_rules, true},
    {"rule remove", "ID", "Remove a rule of tags", "", 1, 1, remove_rule},
};

}  // namespace

std::span<const Verb> rule_verbs() { return kRuleVerbs; }

}  // namespace skiff
