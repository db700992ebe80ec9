// What a Dockerfile says without being built: `build --check` and `--call outline|targets`.
#pragma once

#include <optional>
#include <string>

#include "builder/checks.h"
#include "builder/plan.h"

namespace skiff::builder {

// Each finding with its lines, and how many there are.
std::string show_findings(const Dockerfile& file, const std::vector<Finding>& findings);
// The stages that have names, the default one marked.
std::string show_targets(const Dockerfile& file);
// Arguments, secrets, SSH agents and caches of the stages that the plan's target needs.
std::string show_outline(const Dockerfile& file, const Plan& plan);

}  // namespace skiff::builder
