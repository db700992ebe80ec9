// Roles, each with all that the ones before it may do, and the names of what they are given on.
//
// A node is a place in the tree of repository names: "" the server, "acme" an organisation,
// "acme/tools" a prefix or a repository. What is granted on a node holds for it and below it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace skiff::access {

enum class Role {
  kNone,
  kPull,      // read blobs, manifests, tags, referrers
  kPush,      // also add blobs and manifests, and set tags
  kMaintain,  // also delete
  kOwn,       // also say who may
};

std::string_view role_name(Role role);
// kInvalidArgument, naming the roles there are.
Result<Role> role_named(std::string_view name);

// Each refuses with kInvalidArgument what is not of its form; the text is what a person gave.
// "ann": small letters and digits, '.', '_' and '-' between them; at most 64.
Result<> check_user_name(std::string_view name);
// "acme+ci": a robot of an organisation.
Result<> check_robot_name(std::string_view name);
// "/" for the server, else "acme", "acme/web"; what comes back is the node. None where it is empty:
// "$UNSET" is not the whole server.
Result<std::string> node_named(std::string_view text);
// "acme/devs"
struct TeamName {
  std::string organisation;
  std::string name;
};
Result<TeamName> team_named(std::string_view text);
// As a person would write it: "/" for the server.
std::string node_text(const std::string& node);

// The node above; nullopt above the server.
std::optional<std::string_view> parent_node(std::string_view node);

// Whether `text` is of the pattern: '*' stands for any characters but '/', "**" for any, all else
// for itself.
bool matches_pattern(std::string_view pattern, std::string_view text);
// Letters, digits and "._-+*/" only.
Result<> check_pattern(std::string_view pattern);

}  // namespace skiff::access
