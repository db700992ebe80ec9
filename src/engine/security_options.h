// What --security-opt asks for.
#pragma once

#include <string>
#include <vector>

#include "engine/container_config.h"

namespace skiff::engine {

struct SecurityOptions {
  bool no_new_privileges = false;
  std::string seccomp;           // "" Docker's default, "unconfined", or a profile's JSON
  std::string apparmor_profile;  // "": none was named
  std::vector<std::string> labels;
};

// "NAME=VALUE", or ':' in place of '='. kInvalidArgument for others, in Docker's words.
Result<SecurityOptions> read_security_options(const std::vector<std::string>& options);

// Refuses before the container is made: options, capabilities, ulimits and device rules that are
// none, and labels where SELinux would honour them. Warns by name of a profile or a label that this
// kernel cannot enforce (docs/decisions/008-labels-without-a-module.md).
Result<> check_security(const HostConfig& host, std::vector<std::string>& warnings);

// As `inspect` tells it: "" where the kernel has no AppArmor.
std::string apparmor_profile_of(const HostConfig& host);

}  // namespace skiff::engine
