// What a Dockerfile says without being built: `build --check` and `--call outline|targets`.
#pragma once

#include <optional>
#include <string>

#include "dockerfile/checks.h"
#include "dockerfile/plan.h"

namespace skiff::dockerfile {

// Each finding with its lines, and how many there are.
std::string show_findings(const Dockerfile& file, const std::vector<Finding>& findings);
// The stages that have names, the default one marked.
std::string show_targets(const Dockerfile& file);
// Arguments, secrets, SSH agents and caches of the stages that the plan's target needs.
std::string show_outline(const Dockerfile& file, const Plan& plan);

}  // namespace skiff::dockerfile
