// skiff-registry config check, skiff-registry config show
#include <cstdio>

#include "base/strings.h"
#include "main/registry_commands.h"

namespace skiff {

namespace {

Result<> check_config(const Invocation& call) {
  TRY(serve_settings(call.config));
  puts("all is understood");
  return {};
}

Result<> show_config(const Invocation& call) {
  const std::string text = TRY(serve_settings(call.config));
  fputs(text.c_str(), stdout);
  return {};
}

constexpr Verb kConfigVerbs[] = {
    {"config check", "",
     "Judge the configuration as serve would, with the variables of the environment", "config", 0,
     0, check_config, true},
    {"config show", "", "Print it as it counts, with where each value is from; no secrets",
     "config", 0, 0, show_config, true},
};

}  // namespace

std::span<const Verb> config_verbs() { return kConfigVerbs; }

}  // namespace skiff
