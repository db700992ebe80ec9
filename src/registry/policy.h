// Policy: what places in the tree of names demand of a change, whoever asks for it. Rules of tags
// (policy_rules.h), quotas (quota.h), retention (retention.h) and the audit log (audit_log.h) are
// kept in registry.db; the first two are judged in the transaction of the change itself.
//
//   Actor ann{"ann", "192.0.2.7", "", access::Role::kPush};
//   auto put = metadata.put_manifest("acme/web", manifest, {.tags = {"1.0"}, .actor = ann});
//   if (!put && is_policy_refusal(put.error())) ...        // its message is for the client
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "access/roles.h"
#include "base/result.h"

namespace skiff::registry {

// Who changes something.
struct Actor {
  std::string name;     // the account's; "" for nobody known
  std::string address;  // without the port; "" for a Unix socket
  std::string token;    // id of the token that it came with, if any
  // In the repository, for the tags concerned.
  access::Role role = access::Role::kOwn;
};

// A change that a rule or quota forbids: in words for the client, which name that.
Error refused_by_policy(std::string message);
bool is_policy_refusal(const Error& error);

// Whether what holds at the node holds in the repository: "", "acme" and "acme/web" for "acme/web".
bool reaches(std::string_view node, std::string_view repository);
// The nodes whose policies hold in the repository: the server's first, its own last.
std::vector<std::string> nodes_above(std::string_view repository);

}  // namespace skiff::registry
