// skiff-registry grant, skiff-registry revoke
#include "access/grants.h"
#include "base/strings.h"
#include "main/registry_commands.h"

namespace skiff {

namespace {

Result<> grant_role(const Invocation& call) {
  const access::Role role = TRY(access::role_named(call.operands[0]));
  const std::string node = TRY(access::node_named(call.operands[1]));
  const TimePoint expires = TRY(expiry(call, Clock::system().now()));
  access::Store store = TRY(accounts_to_read(call));
  const access::Subject subject = TRY(access::subject_named(store, call.operands[2]));
  return access::set_grant(store, node, subject, role, expires);
}

Result<> revoke_grant(const Invocation& call) {
  const std::string node = TRY(access::node_named(call.operands[0]));
  access::Store store = TRY(accounts_to_read(call));
  const access::Subject subject = TRY(access::subject_named(store, call.operands[1]));
  return access::remove_grant(store, node, subject);
}

constexpr Verb kGrantVerbs[] = {
    {"grant", "ROLE PLACE WHO",
     "Grant a role on a place and below it to a user, a robot, team:ORGANISATION/TEAM, known or "
     "everybody",
     "expires", 3, 3, grant_role},
    {"revoke", "PLACE WHO", "Take back what was granted there", "", 2, 2, revoke_grant},
};

}  // namespace

std::span<const Verb> grant_verbs() { return kGrantVerbs; }

}  // namespace skiff
