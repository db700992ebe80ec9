// Rules of tags, quotas, and rules of retention.
#include "access/roles.h"
#include "base/strings.h"
#include "manage/rest.h"
#include "registry/policy_rules.h"
#include "registry/quota.h"
#include "registry/retention.h"

namespace skiff::manage {

using registry::Answer;
using registry::Quota;
using registry::Refusal;
using registry::RetentionRule;
using registry::RuleKind;
using registry::TagRule;

namespace {

// Verdicts of one answer.
constexpr size_t kMostVerdicts = 1'000;

json::Value rule_json(const TagRule& rule) {
  const bool is_protected = rule.kind == RuleKind::kProtected;
  return json::object({{"id", rule.id},
                       {"kind", std::string(registry::rule_kind_name(rule.kind))},
                       {"place", access::node_text(rule.node)},
                       {"repositories", rule.repositories},
                       {"tags", rule.tags},
                       {"role", is_protected ? std::string(access::role_name(rule.role)) : ""}});
}

Answer<> list_rules(ApiCall& call) {
  Database db = TRY(call.api.database());
  json::Array out;
  for (const TagRule& rule : TRY(registry::list_rules(db))) {
    if (call.caller.owns(rule.node)) out.push_back(rule_json(rule));
  }
  return reply_page(call, "rules", "id", out);
}

Answer<> add_rule(ApiCall& call) {
  TagRule rule = TRY(as_answer(registry::tag_rule_named(
      call.body.string("kind"), call.body.string("place"), call.body.string("role"))));
  if (call.body.has("repositories")) rule.repositories = call.body.string("repositories");
  if (call.body.has("tags")) rule.tags = call.body.string("tags");
  Database db = TRY(call.api.database());
  const json::Value added = rule_json(TRY(as_answer(registry::add_rule(db, rule))));
  call.noted = added;
  return reply_object(call, added, 201);
}

// Of one that is not there only the server's owner is told so.
template <typename Rule>
Answer<> owner_of_rule(ApiCall& call, Result<std::vector<Rule>> (*list)(Database&)) {
  if (call.caller.owns_server()) return {};
  const int64_t id = TRY(number_of(call));
  Database db = TRY(call.api.database());
  for (const Rule& rule : TRY(list(db))) {
    if (rule.id == id && call.caller.owns(rule.node)) return {};
  }
  return Refusal(registry::kDenied, "only who owns its place may do this");
}

Answer<> owner_of_tag_rule(ApiCall& call) { return owner_of_rule(call, registry::list_rules); }
Answer<> owner_of_retention(ApiCall& call) { return owner_of_rule(call, registry::list_retention); }

Answer<> remove_rule(ApiCall& call) {
  const int64_t id = TRY(number_of(call));
  Database db = TRY(call.api.database());
  TRY(as_answer(registry::remove_rule(db, id)));
  return call.http.reply_empty(204);
}

json::Value quota_json(const Quota& quota) {
  return json::object(
      {{"place", access::node_text(quota.node)}, {"bytes", quota.bytes}, {"used", quota.used}});
}

Answer<> list_quotas(ApiCall& call) {
  Database db = TRY(call.api.database());
  json::Array out;
  for (const Quota& quota : TRY(registry::list_quotas(db))) {
    if (call.caller.owns(quota.node)) out.push_back(quota_json(quota));
  }
  return reply_page(call, "quotas", "place", out);
}

Answer<> set_quota(ApiCall& call) {
  const std::string node = TRY(place_of_body(call));
  const int64_t bytes = call.body.integer("bytes");
  if (bytes < 0) return Refusal(kInvalid, "a quota cannot be below zero");
  Database db = TRY(call.api.database());
  TRY(as_answer(registry::set_quota(db, node, static_cast<uint64_t>(bytes))));
  return call.http.reply_empty(204);
}

Answer<> remove_quota(ApiCall& call) {
  const std::string node = TRY(place_of_query(call));
  Database db = TRY(call.api.database());
  TRY(as_answer(registry::remove_quota(db, node)));
  return call.http.reply_empty(204);
}

Answer<> get_usage(ApiCall& call) {
  const std::string node = TRY(place_of_query(call));
  Database db = TRY(call.api.database());
  const uint64_t used = TRY(registry::used_at(db, node));
  return call.http.reply_json(json::object({{"place", access::node_text(node)}, {"used", used}}));
}

json::Value retention_json(const RetentionRule& rule) {
  return json::object({{"id", rule.id},
                       {"place", access::node_text(rule.node)},
                       {"repositories", rule.repositories},
                       {"tags", rule.tags},
                       {"keepLast", rule.keep_last},
                       {"keepSet", registry::retention_age_text(rule.keep_set)},
                       {"keepPulled", registry::retention_age_text(rule.keep_pulled)}});
}

Answer<> list_retention(ApiCall& call) {
  Database db = TRY(call.api.database());
  json::Array out;
  for (const RetentionRule& rule : TRY(registry::list_retention(db))) {
    if (call.caller.owns(rule.node)) out.push_back(retention_json(rule));
  }
  return reply_page(call, "rules", "id", out);
}

Answer<> add_retention(ApiCall& call) {
  RetentionRule rule;
  rule.node = TRY(place_of_body(call));
  rule.keep_last = call.body.integer("keepLast");
  if (rule.keep_last < 0) return Refusal(kInvalid, "keepLast cannot be below zero");
  rule.keep_set = TRY(
      as_answer(registry::retention_age(call.body.string("keepSet")).context("invalid keepSet")));
  rule.keep_pulled = TRY(as_answer(
      registry::retention_age(call.body.string("keepPulled")).context("invalid keepPulled")));
  if (call.body.has("repositories")) rule.repositories = call.body.string("repositories");
  if (call.body.has("tags")) rule.tags = call.body.string("tags");
  Database db = TRY(call.api.database());
  const json::Value added = retention_json(TRY(as_answer(registry::add_retention(db, rule))));
  call.noted = added;
  return reply_object(call, added, 201);
}

Answer<> remove_retention(ApiCall& call) {
  const int64_t id = TRY(number_of(call));
  Database db = TRY(call.api.database());
  TRY(as_answer(registry::remove_retention(db, id)));
  return call.http.reply_empty(204);
}

Answer<> run_retention(ApiCall& call) {
  registry::RetentionRun run{.dry = call.body.boolean("dryRun")};
  run.node = TRY(place_of_body(call));
  Database db = TRY(call.api.database());
  json::Array verdicts;
  int64_t kept = 0;
  int64_t deleted = 0;
  const registry::VerdictSink sink = [&](const std::string& repository,
                                         const registry::Verdict& verdict) {
    ++(verdict.keep ? kept : deleted);
    if (verdicts.size() == kMostVerdicts) return;
    verdicts.push_back(json::object({{"repository", repository},
                                     {"tag", verdict.tag.name},
                                     {"keep", verdict.keep},
                                     {"reason", verdict.reason}}));
  };
  TRY(as_answer(
      registry::run_retention(db, call.http.context.metadata, run, call.api.now(), sink)));
  return call.http.reply_json(
      json::object({{"kept", kept}, {"deleted", deleted}, {"verdicts", std::move(verdicts)}}));
}

constexpr ApiRoute kPolicyRoutes[] = {
    {"GET", "/rules", "", list_rules, owner_of_something},
    {"POST", "/rules", "kind! place! repositories tags role", add_rule, owner_of_body_place},
    {"DELETE", "/rules/{id}", "", remove_rule, owner_of_tag_rule},
    {"GET", "/quotas", "", list_quotas, owner_of_something},
    {"PUT", "/quotas", "place! bytes:int!", set_quota},
    {"DELETE", "/quotas", "", remove_quota},
    {"GET", "/usage", "", get_usage, owner_of_query_place},
    {"GET", "/retention", "", list_retention, owner_of_something},
    {"POST", "/retention", "place! repositories tags keepLast:int keepSet keepPulled",
     add_retention, owner_of_body_place},
    {"DELETE", "/retention/{id}", "", remove_retention, owner_of_retention},
    {"POST", "/retention/run", "place dryRun:bool", run_retention, owner_of_body_place},
};

}  // namespace

std::span<const ApiRoute> policy_routes() { return kPolicyRoutes; }

}  // namespace skiff::manage
