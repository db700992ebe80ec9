// Attestations: in-toto statements about an image, in a manifest of their own that stands beside
// the image's in the index, as BuildKit's do (its docs/attestations): "unknown/unknown", with the
// annotations vnd.docker.reference.*; it names the image as its subject, too, so that a registry
// lists it among the image's referrers.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "builder/export_options.h"
#include "builder/platform_build.h"

namespace skiff::builder {

// What is known of a build besides what was asked for.
struct BuildFacts {
  TimePoint begun;
  std::optional<ContextOrigin> origin;
  std::vector<NewRecord> steps;  // that images are to tell of
};

class Attester {
 public:
  // The facts outlive it.
  Attester(Site& site, const BuildRequest& request, images::ImageLease& lease,
           const BuildFacts& facts, const CancelToken& cancel)
      : site_(site), request_(request), lease_(lease), facts_(facts), cancel_(cancel) {}

  // The attestation manifest of the image, to be an index's entry.
  Result<oci::Descriptor> attest(const PlatformImage& built, const oci::Descriptor& manifest,
                                 const ExportOptions& options);
  // Statements about the files at `root`, those of the image, by the names that BuildKit gives
  // them: "provenance.json", "sbom.spdx.json".
  Result<std::map<std::string, std::string>> attest_files(const PlatformImage& built,
                                                          const oci::Descriptor& manifest,
                                                          const Path& root,
                                                          const ExportOptions& options);

 private:
  Result<oci::Descriptor> store_statement(std::string_view type, json::Value predicate,
                                          const oci::Descriptor& manifest,
                                          const ExportOptions& options);
  json::Value provenance(const PlatformImage& built, const ExportOptions& options) const;
  Result<json::Value> sbom(const oci::Descriptor& manifest, const ExportOptions& options);
  Result<json::Value> sbom_of(const Path& root, const oci::Descriptor& manifest,
                              const ExportOptions& options);
  // The build's time, or the epoch where the same bytes are wanted again.
  std::string time_of(const ExportOptions& options, TimePoint time) const;

  Site& site_;
  const BuildRequest& request_;
  images::ImageLease& lease_;
  const BuildFacts& facts_;
  const CancelToken& cancel_;
};

}  // namespace skiff::builder
