// The checks that need to know what a stage has: its variables, its shell.
#include <algorithm>

#include "base/nearest_word.h"
#include "base/strings.h"
#include "dockerfile/stage_binder.h"

namespace skiff::dockerfile {

void StageBinder::report(Rule rule, std::string message) const {
  if (places_.request.checks == nullptr) return;
  places_.request.checks->report(rule, current_->span, std::move(message), current_->comments);
}

void StageBinder::tell_unset(const PlannedStep& step, const std::string& name) const {
  if (find_argument(name) != nullptr || !state_.knows_env) return;
  std::vector<std::string> names;
  for (const std::string& entry : step.config.env)
    names.push_back(entry.substr(0, entry.find('=')));
  for (const auto& argument : state_.args) names.push_back(argument.name);
  const std::string near = nearest_word(name, names);
  report(Rule::kUndefinedVar, cat("Usage of undefined variable '$", name, "'",
                                  near.empty() ? "" : cat(" (did you mean $", near, "?)")));
}

void StageBinder::report_shell_form(const Command& command, const PlannedStep& step) const {
  if (!command.shell || step.config.shell) return;
  report(Rule::kJsonArgsRecommended,
         cat("JSON arguments recommended for ", to_upper(current_->keyword),
             " to prevent unintended behavior related to OS signals"));
}

void StageBinder::report_port(const std::string& word) const {
  const auto parts = split_once(word, '/');
  if (parts && parts->second != to_lower(parts->second)) {
    report(Rule::kExposeProtoCasing,
           cat("Defined protocol '", word, "' in EXPOSE instruction should be lowercase"));
  }
  if (word.find(':') != std::string::npos) {
    report(Rule::kExposeInvalidFormat,
           cat("EXPOSE instruction should not define an IP address or host-port mapping, found '",
               word, "'"));
  }
}

}  // namespace skiff::dockerfile
