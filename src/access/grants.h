// Grants: who has which role where, and which nodes are closed.
//
// A grant to an account or a team holds on its node and below. So does one to everybody (also to
// who names no account) and to known (any account that logged in), but it reaches into no closed
// node below: "all of acme is public, acme/secret is not".
#pragma once

#include <vector>

#include "access/roles.h"
#include "access/store.h"

namespace skiff::access {

struct Subject {
  enum class Kind { kAccount, kTeam, kEverybody, kKnown };
  Kind kind = Kind::kAccount;
  int64_t id = 0;  // of an account or a team
  bool operator==(const Subject&) const = default;
};

struct Grant {
  std::string node;
  Subject subject;
  Role role = Role::kPull;
  TimePoint expires;         // zero: never
  std::string subject_text;  // as subject_named takes it
};

// "ann", "acme+ci", "team:acme/devs", "everybody", "known"; kNotFound for one that is not there.
Result<Subject> subject_named(Store& store, const std::string& text);

// In the place of what the subject was granted on that node before. kFailedPrecondition where there
// are too many (room.h).
Result<> set_grant(Store& store, const std::string& node, const Subject& subject, Role role,
                   TimePoint expires = {});
// kNotFound where there is none.
Result<> remove_grant(Store& store, const std::string& node, const Subject& subject);
// Of that node, or all; by node.
Result<std::vector<Grant>> list_grants(Store& store, const std::optional<std::string>& node = {});

enum class Visibility {
  kPublic,    // everybody may pull
  kInternal,  // who logged in may pull
  kPrivate,   // who was granted something, and no one else, whatever holds above
  kInherited  // nothing of its own: what holds above
};
std::string_view visibility_name(Visibility visibility);
Result<Visibility> visibility_named(std::string_view name);
// Sets what everybody and known may, and whether the node is closed; as set_grant().
Result<> set_visibility(Store& store, const std::string& node, Visibility visibility);
Result<std::vector<std::string>> closed_nodes(Store& store);

}  // namespace skiff::access
