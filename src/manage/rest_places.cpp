// Repositories, tags, teams, and what is granted where.
#include <algorithm>

#include "access/grants.h"
#include "access/rights.h"
#include "access/teams.h"
#include "base/strings.h"
#include "manage/rest.h"
#include "oci/reference.h"

namespace skiff::manage {

using registry::Answer;
using registry::Refusal;

namespace {

// For lists that show each account no more than is its own.
Answer<> any_account(ApiCall& call) {
  if (call.caller.owns_server() || call.caller.is(call.http.viewer.name)) return {};
  return Refusal(registry::kDenied, "only an account, with all that it may, may do this");
}

// One more than the page, so that the next one is known of.
Answer<registry::Page> page_of(const ApiCall& call) {
  return registry::Page{call.http.request.query.get("last"), TRY(page_size(call)) + 1};
}

json::Array named(const std::vector<std::string>& names) {
  json::Array out;
  for (const std::string& name : names) out.push_back(json::object({{"name", name}}));
  return out;
}

// Those that the caller may pull from, by all that limits it: who owns a place may pull there.
Answer<> list_repositories(ApiCall& call) {
  const registry::Page page = TRY(page_of(call));
  const access::VisibleNames visible = TRY(call.http.context.access.visible(call.http.viewer));
  const auto names =
      TRY(visible.take(page.last, page.limit, [&](const std::string& from, size_t limit) {
        return call.http.context.metadata.repositories(from, limit);
      }));
  return reply_page(call, "repositories", "name", named(names));
}

Answer<> owner_of_repository(ApiCall& call) {
  const std::string repository = call.http.request.query.get("repository");
  return owner_of(call, oci::valid_repository_path(repository) ? repository : "");
}

Answer<> list_tags(ApiCall& call) {
  const std::string repository = call.http.request.query.get("repository");
  if (!oci::valid_repository_path(repository)) {
    return Refusal(registry::kNameInvalid, "repository=NAME is needed");
  }
  registry::MetadataStore& metadata = call.http.context.metadata;
  const registry::Page page = TRY(page_of(call));
  const auto tags = TRY(metadata.tags(repository, page));
  if (!tags) return Refusal(registry::kNameUnknown, cat("no repository ", repository));
  json::Array out;
  for (const std::string& tag : *tags) {
    const auto manifest = TRY(metadata.find_manifest(repository, tag, registry::Renew::kNo));
    if (!manifest || out.size() + 1 == page.limit) continue;
    out.push_back(json::object(
        {{"name", tag}, {"digest", manifest->digest.str()}, {"mediaType", manifest->media_type}}));
  }
  // In the order of the tags, which is not that of their bytes.
  if (tags->size() == page.limit) {
    net::Query next;
    next.add("repository", repository).add("n", cat(page.limit - 1));
    next.add("last", (*tags)[page.limit - 2]);
    call.http.set("Link", cat("<", call.http.request.path, "?", next.str(), ">; rel=\"next\""));
  }
  return call.http.reply_json(json::object({{"tags", std::move(out)}}));
}

json::Value team_json(const access::Team& team) {
  return json::object({{"name", team.str()}, {"members", team.members}});
}

Answer<access::TeamName> team_of(const ApiCall& call) {
  return as_answer(access::team_named(cat(call.name(0), "/", call.name(1))));
}

// Teams of an organisation that the caller owns, and those that it is in.
bool may_see(const ApiCall& call, const access::Team& team) {
  const auto is_caller = [&](const std::string& name) { return call.caller.is(name); };
  return call.caller.owns(team.name.organisation) || std::ranges::any_of(team.members, is_caller);
}

Answer<> list_teams(ApiCall& call) {
  auto accounts = TRY(call.api.accounts());
  json::Array out;
  for (const access::Team& team : TRY(access::list_teams(*accounts))) {
    if (may_see(call, team)) out.push_back(team_json(team));
  }
  std::ranges::sort(out, {}, [](const json::Value& team) { return team.string("name"); });
  return reply_page(call, "teams", "name", out);
}

// Others are not told whether it is there.
Answer<> who_may_see_team(ApiCall& call) {
  const access::TeamName name = TRY(team_of(call));
  if (call.caller.owns(name.organisation)) return {};
  auto accounts = TRY(call.api.accounts());
  const auto team = access::find_team(*accounts, name);
  if (team && may_see(call, *team)) return {};
  return Refusal(registry::kDenied, "only who owns its organisation, or is in it, may see a team");
}

Answer<> get_team(ApiCall& call) {
  const access::TeamName name = TRY(team_of(call));
  auto accounts = TRY(call.api.accounts());
  return reply_object(call, team_json(TRY(as_answer(access::find_team(*accounts, name)))));
}

Answer<> add_team(ApiCall& call) {
  const access::TeamName name = TRY(as_answer(access::team_named(call.body.string("name"))));
  auto accounts = TRY(call.api.accounts());
  TRY(as_answer(access::add_team(*accounts, name)));
  return reply_object(call, team_json(TRY(access::find_team(*accounts, name))), 201);
}

Answer<> remove_team(ApiCall& call) {
  const access::TeamName name = TRY(team_of(call));
  auto accounts = TRY(call.api.accounts());
  TRY(check_match(call, team_json(TRY(as_answer(access::find_team(*accounts, name))))));
  TRY(as_answer(access::remove_team(*accounts, name)));
  return call.http.reply_empty(204);
}

Answer<> change_member(ApiCall& call, Result<> (*change)(access::Store&, const access::TeamName&,
                                                         const std::string&)) {
  const access::TeamName name = TRY(team_of(call));
  auto accounts = TRY(call.api.accounts());
  TRY(as_answer(change(*accounts, name, call.name(2))));
  return call.http.reply_empty(204);
}

Answer<> add_member(ApiCall& call) { return change_member(call, access::add_member); }
Answer<> remove_member(ApiCall& call) { return change_member(call, access::remove_member); }

// To whom a grant is.
Answer<access::Subject> subject_of(access::Store& store, const std::string& who) {
  if (who.empty()) return Refusal(registry::kNameInvalid, "who is needed");
  return as_answer(access::subject_named(store, who));
}

Answer<> list_grants(ApiCall& call) {
  std::optional<std::string> node;
  if (call.http.request.query.has("place")) {
    node = TRY(place_of_query(call));
  }
  auto accounts = TRY(call.api.accounts());
  json::Array out;
  for (const access::Grant& grant : TRY(access::list_grants(*accounts, node))) {
    if (!call.caller.owns(grant.node)) continue;
    const std::string place = access::node_text(grant.node);
    out.push_back(json::object({{"id", cat(place, " ", grant.subject_text)},
                                {"place", place},
                                {"who", grant.subject_text},
                                {"role", std::string(access::role_name(grant.role))},
                                {"expires", time_member(grant.expires)}}));
  }
  std::ranges::sort(out, {}, [](const json::Value& grant) { return grant.string("id"); });
  return reply_page(call, "grants", "id", out);
}

Answer<> set_grant(ApiCall& call) {
  const access::Role role = TRY(as_answer(access::role_named(call.body.string("role"))));
  const TimePoint expires = TRY(expiry_member(call));
  const std::string node = TRY(place_of_body(call));
  auto accounts = TRY(call.api.accounts());
  const access::Subject subject = TRY(subject_of(*accounts, call.body.string("who")));
  TRY(as_answer(access::set_grant(*accounts, node, subject, role, expires)));
  return call.http.reply_empty(204);
}

Answer<> remove_grant(ApiCall& call) {
  // Without one it would be the server's.
  const std::string node = TRY(place_of_query(call));
  auto accounts = TRY(call.api.accounts());
  const access::Subject subject = TRY(subject_of(*accounts, call.http.request.query.get("who")));
  TRY(as_answer(access::remove_grant(*accounts, node, subject)));
  return call.http.reply_empty(204);
}

Answer<> set_visibility(ApiCall& call) {
  const std::string node = TRY(place_of_body(call));
  const access::Visibility visibility =
      TRY(as_answer(access::visibility_named(call.body.string("visibility"))));
  auto accounts = TRY(call.api.accounts());
  TRY(as_answer(access::set_visibility(*accounts, node, visibility)));
  return call.http.reply_empty(204);
}

constexpr ApiRoute kPlaceRoutes[] = {
    {"GET", "/repositories", "", list_repositories, any_account},
    {"GET", "/tags", "", list_tags, owner_of_repository},
    {"GET", "/teams", "", list_teams, any_account},
    {"POST", "/teams", "name!", add_team},
    {"GET", "/teams/{organisation}/{team}", "", get_team, who_may_see_team},
    {"DELETE", "/teams/{organisation}/{team}", "", remove_team},
    {"PUT", "/teams/{organisation}/{team}/members/{name}", "", add_member},
    {"DELETE", "/teams/{organisation}/{team}/members/{name}", "", remove_member},
    {"GET", "/grants", "", list_grants, owner_of_something},
    {"PUT", "/grants", "place! who! role! expires", set_grant, owner_of_body_place},
    {"DELETE", "/grants", "", remove_grant, owner_of_query_place},
    {"PUT", "/visibility", "place! visibility!", set_visibility, owner_of_body_place},
};

}  // namespace

std::span<const ApiRoute> place_routes() { return kPlaceRoutes; }

}  // namespace skiff::manage
