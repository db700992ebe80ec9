// skiff-registry retention ...
#include <algorithm>
#include <cstdio>
#include <map>

#include "base/strings.h"
#include "main/data_root.h"
#include "main/registry_commands.h"
#include "registry/registry.h"
#include "registry/retention.h"

namespace skiff {

namespace {

using registry::RetentionRule;
using registry::Verdict;

Result<int64_t> count(const std::string& text) {
  if (text.empty()) return 0;
  const auto n = parse_int(text);
  if (n && *n > 0) return *n;
  return Error(Code::kInvalidArgument,
               cat("invalid value for --keep-last: ", quoted(text), ": must be a number above 0"));
}

Result<> add_retention(const Invocation& call) {
  RetentionRule rule;
  rule.node = TRY(access::node_named(call.operands[0]));
  rule.keep_last = TRY(count(call.keep_last));
  rule.keep_set =
      TRY_CONTEXT(registry::retention_age(call.keep_set), "invalid value for --keep-set");
  rule.keep_pulled =
      TRY_CONTEXT(registry::retention_age(call.keep_pulled), "invalid value for --keep-pulled");
  Database db = TRY(registry_database(call));
  for (const Patterns& each : patterns(call)) {
    rule.repositories = each.repositories;
    rule.tags = each.tags;
    fputs(cat("retention ", TRY(registry::add_retention(db, rule)).id, "\n").c_str(), stdout);
  }
  return {};
}

Result<> list_retention(const Invocation& call) {
  Database db = TRY(registry_database(call));
  std::vector<std::vector<std::string>> rows = {
      {"ID", "PLACE", "REPOSITORIES", "TAGS", "KEEPS LAST", "SET WITHIN", "PULLED WITHIN"}};
  for (const RetentionRule& rule : TRY(registry::list_retention(db))) {
    rows.push_back({cat(rule.id), access::node_text(rule.node), rule.repositories, rule.tags,
                    rule.keep_last == 0 ? "" : cat(rule.keep_last),
                    registry::retention_age_text(rule.keep_set),
                    registry::retention_age_text(rule.keep_pulled)});
  }
  print_table(rows);
  return {};
}

Result<> remove_retention(const Invocation& call) {
  return remove_numbered(call, registry::remove_retention);
}

Result<> run_retention(const Invocation& call) {
  registry::RetentionRun run{.dry = call.dry_run};
  if (!call.operands.empty()) run.node = TRY(access::node_named(call.operands[0]));
  Database db = TRY(registry_database(call));
  const auto metadata = TRY(registry::open_metadata(
      TRY(data_root(call.root)), {.undelete = registry::kUsualUndelete}, Clock::system()));
  std::vector<std::vector<std::string>> rows;
  const registry::VerdictSink sink = [&](const std::string& repository, const Verdict& verdict) {
    rows.push_back(
        {repository, verdict.tag.name, verdict.keep ? "keep" : "delete", verdict.reason});
  };
  TRY(registry::run_retention(db, *metadata, run, Clock::system().now(), sink));
  std::ranges::sort(rows);
  rows.insert(rows.begin(), {"REPOSITORY", "TAG", "VERDICT", "REASON"});
  print_table(rows);
  return {};
}

constexpr Verb kRetentionVerbs[] = {
    {"retention add", "PLACE",
     "Let tags of a place and below it be deleted but for those that a rule keeps",
     "repository tag keep-last keep-set keep-pulled", 1, 1, add_retention},
    {"retention list", "", "List the rules of retention", "", 0, 0, list_retention, true},
    {"retention remove", "ID", "Remove a rule of retention", "", 1, 1, remove_retention},
    {"retention run", "[PLACE]", "Delete now what no rule keeps, and tell why of each tag",
     "dry-run", 0, 1, run_retention},
};

}  // namespace

std::span<const Verb> retention_verbs() { return kRetentionVerbs; }

}  // namespace skiff
