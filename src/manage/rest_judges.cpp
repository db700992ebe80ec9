// Who may do what over the REST API.
#include "access/roles.h"
#include "base/strings.h"
#include "manage/rest.h"

namespace skiff::manage {

using registry::Answer;
using registry::Refusal;

Answer<Caller> RestApi::caller_of(registry::Call& call) {
  const registry::Need all{.action = registry::Action::kDelete};
  const registry::Viewer& viewer = call.viewer;
  const bool may_all = TRY(call.context.access.may(viewer, all)) == registry::Decision::kYes;
  std::optional<access::Rights> rights;
  {
    std::lock_guard lock(mutex_);
    access::Store* const store = TRY(find_accounts());
    if (store != nullptr && viewer.account != 0) rights.emplace(TRY(access::Rights::load(*store)));
  }
  Caller caller(viewer, may_all, std::move(rights), now());
  if (caller.owns_server() || caller.is_known()) return caller;
  call.set("WWW-Authenticate", "Basic realm=\"registry\"");
  return Refusal(registry::kUnauthorized, "authentication required");
}

Refusal forbidden(std::string_view node) {
  return {registry::kDenied,
          cat("only who owns ", node.empty() ? "the server" : node, " may do this")};
}

Answer<> owner_of(const ApiCall& call, const std::string& node) {
  if (call.caller.owns(node)) return {};
  return forbidden(node);
}

Answer<> owner_of_body_place(ApiCall& call) { return owner_of(call, TRY(place_of_body(call))); }

Answer<> owner_of_query_place(ApiCall& call) {
  if (!call.http.request.query.has("place")) return owner_of(call, "");
  return owner_of(call, TRY(place_of_query(call)));
}

Answer<> owner_of_something(ApiCall& call) {
  if (call.http.request.query.has("place")) return owner_of_query_place(call);
  if (call.caller.owns_anything()) return {};
  return Refusal(registry::kDenied, "only who owns a place may do this");
}

bool is_self(const ApiCall& call, std::string_view account) {
  // A password: a token or a certificate that ends must not leave another way in behind.
  const bool showed_password =
      call.http.viewer.token.empty() && !call.http.header("Authorization").empty();
  return showed_password && call.caller.is(account);
}

}  // namespace skiff::manage
