// skiff-registry quota ...
#include "access/roles.h"
#include "base/size.h"
#include "base/strings.h"
#include "main/registry_commands.h"
#include "registry/quota.h"

namespace skiff {

namespace {

Result<> set_quota(const Invocation& call) {
  const std::string node = TRY(access::node_named(call.operands[0]));
  const int64_t bytes = TRY(parse_size(call.operands[1]));
  if (bytes < 0) return Error(Code::kInvalidArgument, "a quota cannot be below zero");
  Database db = TRY(registry_database(call));
  return registry::set_quota(db, node, static_cast<uint64_t>(bytes));
}

Result<> show_quota(const Invocation& call) {
  const std::string node = TRY(access::node_named(call.operands[0]));
  Database db = TRY(registry_database(call));
  std::vector<std::vector<std::string>> rows = {{"PLACE", "USED", "LIMIT"}};
  rows.push_back({access::node_text(node), cat(TRY(registry::used_at(db, node))), "none"});
  for (const registry::Quota& quota : TRY(registry::list_quotas(db))) {
    if (quota.node == node) rows.back().back() = cat(quota.bytes);
  }
  print_table(rows);
  return {};
}

Result<> list_quotas(const Invocation& call) {
  Database db = TRY(registry_database(call));
  std::vector<std::vector<std::string>> rows = {{"PLACE", "USED", "LIMIT"}};
  for (const registry::Quota& quota : TRY(registry::list_quotas(db))) {
    rows.push_back({access::node_text(quota.node), cat(quota.used), cat(quota.bytes)});
  }
  print_table(rows);
  return {};
}

Result<> remove_quota(const Invocation& call) {
  const std::string node = TRY(access::node_named(call.operands[0]));
  Database db = TRY(registry_database(call));
  return registry::remove_quota(db, node);
}

constexpr Verb kQuotaVerbs[] = {
    {"quota set", "PLACE SIZE", "Limit the bytes of what repositories of a place hold together", "",
     2, 2, set_quota},
    {"quota show", "PLACE", "Show the bytes used at a place and below it, and its limit", "", 1, 1,
     show_quota, true},
    {"quota list", "", "List the quotas", "", 0, 0, list_quotas, true},
    {"quota remove", "PLACE", "Remove a quota", "", 1, 1, remove_quota},
};

}  // namespace

std::span<const Verb> quota_verbs() { return kQuotaVerbs; }

}  // namespace skiff
