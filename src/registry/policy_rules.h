// Rules of tags: at a node, for the repositories and tags that fit its patterns, a rule makes tags
//
//   immutable   one that is there is neither moved nor deleted, by nobody and nothing; the same
//               digest may be pushed again
//   protected   only who has at least that role there may set, move or delete one
//
// All rules that fit count. Who wants to delete an immutable tag removes the rule first.
#pragma once

#include <cstdint>

#include "access/roles.h"
#include "base/clock.h"
#include "db/database.h"
#include "registry/policy.h"

namespace skiff::registry {

enum class RuleKind { kImmutable, kProtected };

std::string_view rule_kind_name(RuleKind kind);
// kInvalidArgument.
Result<RuleKind> rule_kind_named(std::string_view name);

struct TagRule {
  int64_t id = 0;
  std::string node;
  std::string repositories = "**";  // patterns (access/roles.h), of the whole name
  std::string tags = "*";
  RuleKind kind = RuleKind::kImmutable;
  access::Role role = access::Role::kNone;  // of protected: at least that

  // As refusals and lists show it: "rule 3 (protected v* of acme/** on acme, from maintain up)".
  std::string str() const;
};

// Of a kind and a place as they are written; `role`: of protected tags, "" for maintain.
Result<TagRule> tag_rule_named(std::string_view kind, std::string_view place,
                               std::string_view role);

// Refuses patterns and roles that are none, and one too many (access/room.h); the rule's id is set.
Result<TagRule> add_rule(Database& db, TagRule rule);
// By id.
Result<std::vector<TagRule>> list_rules(Database& db);
// kNotFound.
Result<> remove_rule(Database& db, int64_t id);

// The rules that fit a repository's tag.
std::vector<TagRule> rules_for(const std::vector<TagRule>& rules, std::string_view repository,
                               std::string_view tag);

// What is about to happen to a tag; `is_there`: it names something else now.
struct TagChangeAsked {
  int64_t repository = 0;
  std::string tag;
  bool is_there = false;
};
// A policy refusal that names the rule; inside the transaction of the change.
Result<> judge_tag(Database& db, const TagChangeAsked& change, const Actor& actor);
// Of a manifest that is about to go: each tag that names it. Where an index may lose its entries,
// also that no immutable tag leads to one.
Result<> judge_deletion(Database& db, int64_t repository, const std::string& digest,
                        const Actor& actor);

}  // namespace skiff::registry
