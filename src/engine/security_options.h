// What --security-opt asks for.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/container_config.h"

namespace skiff::engine {

struct SecurityOptions {
  bool no_new_privileges = false;
  std::string seccomp;              // "" Docker's default, "unconfined", or a profile's JSON
  std::string apparmor_profile;     // "": none was named
  std::vector<std::string> labels;  // "disable", "type:container_t", ...
};

// "NAME=VALUE", or ':' in place of '='. kInvalidArgument for others, in Docker's words.
Result<SecurityOptions> read_security_options(const std::vector<std::string>& options);

// Refuses before the container is made: options, capabilities, ulimits and device rules that are
// none. Warns by name of a profile or a label that this kernel cannot enforce
// (docs/decisions/008-labels-without-a-module.md).
Result<> check_security(const HostConfig& host, std::vector<std::string>& warnings);

// Adds the labels that Docker does where no option names one: none for who has all privileges or
// shares the host's processes or IPC; another container's for who shares its.
using LabelOf = std::function<Result<std::string>(const std::string& container)>;
Result<> add_default_labels(HostConfig& host, const LabelOf& label_of);

// As `inspect` tells it: "" where the kernel has no AppArmor.
std::string apparmor_profile_of(const HostConfig& host);

}  // namespace skiff::engine
