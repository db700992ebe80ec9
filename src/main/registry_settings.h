// The options of a server from three places, each over the one before: a YAML file, the
// environment, the command line. The table of flags names them all: the flag --gc-grace is the key
// `gc-grace` of the file and the variable SKIFF_REGISTRY_GC_GRACE.
//
//   Settings settings(flags);
//   TRY(settings.load(file, Settings::Missing::kAllowed));
//   TRY(settings.load_environment());
//   TRY(settings.load_flags(arguments));
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/flags.h"

namespace skiff {

// Read where --config says nothing and the file is there.
inline constexpr const char* kUsualConfig = "/etc/skiff/registry.yaml";

class Settings {
 public:
  enum class Missing { kAllowed, kRefused };

  // `flags` outlive it; their values are the defaults, and what is loaded goes there.
  explicit Settings(std::span<const Flag> flags) : flags_(flags) {}

  // Errors name the file, the line and the column: also of a key that no flag has.
  Result<> load(const Path& file, Missing missing);
  Result<> load_environment();
  // What `environment` (environ(7)) has that begins as our variables do and is none of them, each
  // with the name that may be meant: a sentence for a warning. Not what Kubernetes and Docker set
  // themselves beside a service or a container called skiff-registry.
  std::vector<std::string> unknown_variables(const char* const* environment) const;
  Result<> load_flags(std::span<char* const> arguments);

  // As a file that says the same, with the place that each value came from; secrets left out.
  std::string text() const;

  // Options that are about the command alone: no keys.
  static bool is_setting(const Flag& flag);
  // "SKIFF_REGISTRY_GC_GRACE"
  static std::string variable(const Flag& flag);

 private:
  const Flag* find(std::string_view name) const;
  void note(const Flag& flag, std::string_view source) {
    sources_[std::string(flag.name)] = source;
  }

  std::span<const Flag> flags_;
  std::map<std::string, std::string> sources_;
};

}  // namespace skiff
