// skiff-registry rule ...
#include <cstdio>

#include "base/strings.h"
#include "main/registry_commands.h"
#include "registry/policy_rules.h"

namespace skiff {

namespace {

using registry::RuleKind;
using registry::TagRule;

// Each pattern of repositories with each of tags.
Result<> add(const Invocation& call) {
  TagRule rule = TRY(registry::tag_rule_named(call.operands[0], call.operands[1], call.role));
  const std::vector<std::string> all = {rule.repositories};
  const std::vector<std::string> any = {rule.tags};
  Database db = TRY(registry_database(call));
  for (const std::string& repository : call.repositories.empty() ? all : call.repositories) {
    for (const std::string& tag : call.tags.empty() ? any : call.tags) {
      rule.repositories = repository;
      rule.tags = tag;
      fputs(cat(TRY(registry::add_rule(db, rule)).str(), "\n").c_str(), stdout);
    }
  }
  return {};
}

Result<> list(const Invocation& call) {
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

Result<> remove(const Invocation& call) {
  const auto id = parse_int(call.operands[0]);
  if (!id) return Error(Code::kInvalidArgument, cat("no number: ", quoted(call.operands[0])));
  Database db = TRY(registry_database(call));
  return registry::remove_rule(db, *id);
}

constexpr Verb kVerbs[] = {
    {"rule add", "immutable|protected PLACE",
     "Make tags of a place and below it immutable, or protected: only who has a role, maintain if "
     "none is named, may set, move or delete them",
     "repository tag role", 2, 2, add},
    {"rule list", "", "List the rules of tags", "", 0, 0, list, true},
    {"rule remove", "ID", "Remove a rule of tags", "", 1, 1, remove},
};

}  // namespace

std::span<const Verb> rule_verbs() { return kVerbs; }

}  // namespace skiff
