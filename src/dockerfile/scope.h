// Scope: the variables that the words of an instruction see (reference, "Scope" of ARG and
// "Environment replacement"), and the environment of RUN.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dockerfile/plan.h"
#include "dockerfile/variables.h"

namespace skiff::dockerfile {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// What all stages of one platform share: ARGs before the first FROM, the platform's own, and
// the arguments given.
class GlobalScope {
 public:
  GlobalScope(const PlanRequest& request, const std::string& target_stage);

  // An ARG before the first FROM.
  Result<> declare(const ArgInstruction& arg, char escape);
  // Declared, or the platform's; with or without a value.
  bool knows(const std::string& name) const { return values_.contains(name); }
  std::vector<std::string> names() const;
  // Of words in FROM.
  std::optional<std::string> lookup(const std::string& name) const;
  bool is_given(const std::string& name) const { return given_.contains(name); }
  // The value that `ARG name` or `ARG name=fallback` has in a stage.
  std::optional<std::string> value_of(const std::string& name,
                                      const std::optional<std::string>& fallback);
  // Given and predefined, so that RUN has them without an ARG: in capitals and in small letters,
  // of which programs read either.
  Pairs predefined() const;
  // Given, and never asked for.
  std::vector<std::string> unused() const;

 private:
  const std::map<std::string, std::optional<std::string>>& given_;
  std::map<std::string, std::optional<std::string>> values_;
  std::set<std::string> used_;
};

// "NAME=value" entries: sets or replaces.
void set_env(std::vector<std::string>& env, const std::string& name, const std::string& value);
std::optional<std::string> get_env(const std::vector<std::string>& env, const std::string& name);

bool is_predefined_arg(const std::string& name);

}  // namespace skiff::dockerfile
