// What a mirror copies: from another registry to here, or from here to another one.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "codec/json.h"
#include "oci/platform.h"
#include "upstream/options.h"

namespace skiff::upstream {

struct MirrorSettings {
  std::string url;          // "https://other.example"
  bool is_push = false;     // from here to there
  std::string place;        // of its repositories here: PLACE/prometheus/prometheus
  std::string credentials;  // a file, as of an upstream
  std::string ca;
  // Patterns as of rights: '*' within a name, "**" over names. Where none has either, the registry
  // need not tell its repositories.
  std::vector<std::string> repositories;
  std::vector<std::string> tags;       // none: all
  std::vector<std::string> platforms;  // none: all
  std::chrono::seconds every{0};       // 0: by hand alone
  bool referrers = false;              // signatures and what else is about an image
  bool remove = false;                 // tags that are gone where they come from

  json::Value to_json() const;
  static Result<MirrorSettings> from_json(const json::Value& v);

  // Reads the files. An error names the setting.
  Result<OriginOptions> origin() const;
  bool wants_repository(std::string_view name) const;
  bool names_repositories() const;  // without a pattern
  bool wants_tag(std::string_view tag) const;
  bool wants_platform(const oci::Platform& platform) const;
  std::string local_name(const std::string& remote) const;
};

// Of the whole: nothing that could never be done.
Result<> check(const MirrorSettings& settings);

}  // namespace skiff::upstream
