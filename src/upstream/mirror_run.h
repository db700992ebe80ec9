// MirrorRun: one run of a mirror. What is there already does not move, so a run that was broken off
// goes on where it was when it is run again. What fails is reported, and holds up no other.
#pragma once

#include <functional>
#include <set>

#include "registry/call.h"
#include "upstream/mirror_report.h"
#include "upstream/mirror_settings.h"
#include "upstream/origin.h"

namespace skiff::upstream {

class MirrorRun {
 public:
  using Tell = std::function<void(const MirrorReport&)>;

  // `actor` stands in the history of tags; `tell` is called after each tag.
  MirrorRun(const registry::Context& context, const Clock& clock, MirrorSettings settings,
            OriginOptions origin, std::string actor, Tell tell);

  MirrorReport run(const CancelToken& cancel);

 private:
  // Both sides' names of a repository.
  struct Pair {
    std::string remote;
    std::string local;
  };

  Result<std::vector<Pair>> repositories();
  void each_tag(const Pair& pair, const std::vector<std::string>& tags,
                Result<bool> (MirrorRun::*copy)(const Pair&, const std::string&));
  Result<> pull_repository(const Pair& pair);
  Result<bool> pull_tag(const Pair& pair, const std::string& tag);
  Result<bool> pull_manifest(const Pair& pair, const oci::Digest& digest,
                             const std::optional<std::string>& tag, int depth);
  Result<registry::NewManifest> manifest(const Pair& pair, const oci::Digest& digest, bool& moved);
  // True where something was left out.
  Result<bool> pull_parts(const Pair& pair, const registry::NewManifest& manifest, int depth);
  Result<> pull_blob(const Pair& pair, const registry::ManifestReference& blob);
  Result<> pull_referrers(const Pair& pair, const oci::Digest& subject, int depth);
  Result<> remove_tags(const Pair& pair, const std::set<std::string>& there);
  Result<> push_repository(const Pair& pair);
  Result<bool> push_tag(const Pair& pair, const std::string& tag);
  Result<> push_manifest(const Pair& pair, const std::string& reference, int depth);
  Result<> push_parts(const Pair& pair, const registry::NewManifest& manifest, int depth);
  Result<remote::PushOutcome> push_blob(const Pair& pair, const oci::Descriptor& blob);
  Result<> push_referrers(const Pair& pair, const oci::Digest& subject, int depth);
  Result<std::vector<std::string>> local_tags(const std::string& local);
  Result<oci::Reference> reference(const Pair& pair) const;

  const registry::Context& context_;
  const Clock& clock_;
  const MirrorSettings settings_;
  Origin origin_;
  const std::string actor_;
  const Tell tell_;
  CancelToken cancel_;
  MirrorReport report_;
  std::set<std::string> seen_;  // digests of this repository that are done
};

}  // namespace skiff::upstream
