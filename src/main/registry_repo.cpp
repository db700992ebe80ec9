// skiff-registry repo ...
#include "access/rights.h"
#include "base/strings.h"
#include "main/data_root.h"
#include "main/registry_commands.h"
#include "registry/mark.h"
#include "registry/metadata.h"

namespace skiff {

namespace {

using access::Role;

constexpr size_t kPage = 1'000;

// An account that is nobody's: what it may, every account may.
constexpr int64_t kAnyAccount = -1;

Result<std::vector<std::string>> repositories(const Path& root) {
  std::vector<std::string> names;
  if (!TRY(registry::has_registry(root))) return names;
  const auto metadata = TRY(registry::open_metadata(root, {}, Clock::system()));
  registry::Page page{"", kPage};
  for (;;) {
    const auto some = TRY(metadata->repositories(page));
    names.insert(names.end(), some.begin(), some.end());
    if (some.size() < page.limit) return names;
    page.last = some.back();
  }
}

std::string_view visibility(const access::Rights& rights, const std::string& name, TimePoint now) {
  if (rights.role_of(0, name, now) >= Role::kPull) return "public";
  return rights.role_of(kAnyAccount, name, now) >= Role::kPull ? "internal" : "private";
}

Result<> list_repositories(const Invocation& call) {
  const std::vector<std::string> names = TRY(repositories(TRY(data_root(call.root))));
  access::Store store = TRY(accounts_to_read(call));
  const access::Rights rights = TRY(access::Rights::load(store));
  std::vector<std::vector<std::string>> rows = {{"REPOSITORY", "VISIBILITY"}};
  for (const std::string& name : names) {
    rows.push_back({name, std::string(visibility(rights, name, store.now()))});
  }
  print_table(rows);
  return {};
}

Result<> set_repository(const Invocation& call) {
  const std::string node = TRY(access::node_named(call.operands[0]));
  if (call.visibility.empty()) return Error(Code::kInvalidArgument, "--visibility is needed");
  const access::Visibility visibility = TRY(access::visibility_named(call.visibility));
  access::Store store = TRY(accounts_to_read(call));
  return access::set_visibility(store, node, visibility);
}

Result<> list_grants(const Invocation& call) {
  std::optional<std::string> node;
  if (!call.operands.empty()) node = TRY(access::node_named(call.operands[0]));
  access::Store store = TRY(accounts_to_read(call));
  std::vector<std::vector<std::string>> rows = {{"PLACE", "WHO", "ROLE", "EXPIRES"}};
  for (const access::Grant& grant : TRY(access::list_grants(store, node))) {
    rows.push_back({access::node_text(grant.node), grant.subject_text,
                    std::string(access::role_name(grant.role)), time_text(grant.expires)});
  }
  for (const std::string& closed : TRY(access::closed_nodes(store))) {
    if (!node || *node == closed)
      rows.push_back({access::node_text(closed), "", "closed", "never"});
  }
  print_table(rows);
  return {};
}

constexpr Verb kRepoVerbs[] = {
    {"repo list", "", "List the repositories and who sees them", "", 0, 0, list_repositories, true},
    {"repo set", "PLACE", "Set who sees a place and what is below it", "visibility", 1, 1,
     set_repository},
    {"repo grants", "[PLACE]", "List what is granted, there or everywhere", "", 0, 1, list_grants,
     true},
};

}  // namespace

std::span<const Verb> repo_verbs() { return kRepoVerbs; }

}  // namespace skiff
