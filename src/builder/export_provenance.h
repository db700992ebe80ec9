// How an image was built, as a SLSA provenance predicate.
#pragma once

#include <string>
#include <string_view>

#include "builder/builder.h"
#include "builder/platform_build.h"
#include "codec/json.h"

namespace skiff::builder {

struct ProvenanceFacts {
  const BuildRequest& request;
  const PlatformImage& built;
  const std::optional<ContextOrigin>& origin;
  std::string started;  // RFC 3339
  std::string finished;
};

// Of the version that the request wants: its type, and the predicate.
std::string_view provenance_type(const Attestations& wanted);
json::Value provenance_of(const ProvenanceFacts& facts);
// Of v0.2, whatever the request wants.
BuildProvenance recorded_provenance(const ProvenanceFacts& facts);

// "pkg:docker/library/alpine@3?platform=linux%2Famd64"
std::string package_url(const oci::Reference& name, const oci::Platform& platform);
// {"sha256": "..."}
json::Value digest_json(const oci::Digest& digest);

}  // namespace skiff::builder
