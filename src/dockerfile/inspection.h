// What a Dockerfile says without being built: `build --check` and `--call outline|targets`, and
// what else may be asked so; each
// as text, and as the data that BuildKit's frontend answers with.
#pragma once

#include <optional>
#include <string>

#include "codec/json.h"
#include "dockerfile/checks.h"
#include "dockerfile/plan.h"

namespace skiff::dockerfile {

// Where more is written about a rule.
std::string page_of(const RuleText& rule);
// Each finding with its lines, and how many there are.
std::string show_findings(const Dockerfile& file, const std::vector<Finding>& findings);
// `failure`: why the file cannot be built, where it cannot; the findings are those before it then.
json::Value findings_data(const Dockerfile& file, const std::vector<Finding>& findings,
                          const std::optional<Error>& failure = std::nullopt);
// The stages that have names, the default one marked.
std::string show_targets(const Dockerfile& file);
json::Value targets_data(const Dockerfile& file);
// Arguments, secrets, SSH agents and caches of the stages that the plan's target needs.
std::string show_outline(const Dockerfile& file, const Plan& plan);
json::Value outline_data(const Dockerfile& file, const Plan& plan);

// These questions themselves, by the names that clients have for them.
std::string show_questions();
json::Value questions_data();

}  // namespace skiff::dockerfile
