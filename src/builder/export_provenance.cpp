#include "builder/export_provenance.h"

#include "base/strings.h"

namespace skiff::builder {

namespace {

constexpr std::string_view kBuildkitMetadata = "https://mobyproject.org/buildkit@v1#metadata";
// What is told of a build here: docs/outputs.md.
constexpr std::string_view kBuildType = "urn:skiff:build:dockerfile:v1";

json::Value material_json(const Material& material) {
  const auto name = oci::Reference::parse(material.name);
  const std::string uri =
      name ? package_url(name->with_default_tag(), material.platform) : material.name;
  return json::object({{"uri", uri}, {"digest", digest_json(material.digest)}});
}

// Of a repository that was fetched.
json::Value origin_json(const ContextOrigin& origin) {
  constexpr size_t kSha1Digits = 40;
  json::Value digest = json::object();
  digest.set(origin.commit.size() == kSha1Digits ? "sha1" : "sha256", origin.commit);
  return json::object({{"uri", origin.repository}, {"digest", std::move(digest)}});
}

json::Value request_json(const BuildRequest& request) {
  json::Object arguments;
  if (!request.target.empty()) arguments.set("target", request.target);
  for (const auto& [name, value] : request.labels) arguments.set(cat("label:", name), value);
  if (request.no_cache) arguments.set("no-cache", "");
  // Values may be secrets that do not belong there: they are told only where that is asked for.
  for (const auto& [name, value] : request.build_args) {
    if (request.attestations.provenance_args) {
      arguments.set(cat("build-arg:", name), value ? json::Value(*value) : json::Value());
    }
  }
  return json::object({{"frontend", "dockerfile.v0"}, {"args", json::Value(std::move(arguments))}});
}

json::Value builder_json() { return json::object({{"id", cat("urn:skiff:", SKIFF_VERSION)}}); }

// The Dockerfile, and where it was fetched from.
json::Value source_json(const ProvenanceFacts& facts, std::string_view name_of_path) {
  json::Value source = json::object({});
  source.set(name_of_path, facts.request.name_of_dockerfile());
  if (!facts.origin || facts.request.context_url.empty()) return source;
  const json::Value fetched = origin_json(*facts.origin);
  for (const auto& [key, value] : fetched.as_object()) source.set(key, value);
  return source;
}

json::Array materials_json(const ProvenanceFacts& facts) {
  json::Array out;
  for (const Material& material : facts.built.materials) out.push_back(material_json(material));
  if (facts.origin && !facts.request.context_url.empty()) {
    out.push_back(origin_json(*facts.origin));
  }
  return out;
}

// What the caller says of its directory, as buildx passes it on.
void add_origin_of_directory(const ProvenanceFacts& facts, json::Value& metadata) {
  if (!facts.origin || !facts.request.context_url.empty()) return;
  metadata.set(kBuildkitMetadata,
               json::object({{"vcs", json::object({{"source", facts.origin->repository},
                                                   {"revision", facts.origin->commit}})}}));
}

std::string platform_of(const ProvenanceFacts& facts) {
  return facts.built.config.platform.normalized().str();
}

json::Value version_1(const ProvenanceFacts& facts) {
  json::Value metadata =
      json::object({{"startedOn", facts.started}, {"finishedOn", facts.finished}});
  add_origin_of_directory(facts, metadata);
  json::Value external = json::object(
      {{"configSource", source_json(facts, "path")}, {"request", request_json(facts.request)}});
  json::Value definition =
      json::object({{"buildType", kBuildType},
                    {"externalParameters", std::move(external)},
                    {"internalParameters", json::object({{"platform", platform_of(facts)}})},
                    {"resolvedDependencies", materials_json(facts)}});
  return json::object({{"buildDefinition", std::move(definition)},
                       {"runDetails", json::object({{"builder", builder_json()},
                                                    {"metadata", std::move(metadata)}})}});
}

json::Value version_02(const ProvenanceFacts& facts) {
  json::Value complete = json::object({{"parameters", facts.request.attestations.provenance_args},
                                       {"environment", true},
                                       {"materials", false}});
  json::Value metadata = json::object({{"buildStartedOn", facts.started},
                                       {"buildFinishedOn", facts.finished},
                                       {"completeness", std::move(complete)},
                                       {"reproducible", false}});
  add_origin_of_directory(facts, metadata);
  json::Value invocation =
      json::object({{"configSource", source_json(facts, "entryPoint")},
                    {"parameters", request_json(facts.request)},
                    {"environment", json::object({{"platform", platform_of(facts)}})}});
  return json::object({{"builder", builder_json()},
                       {"buildType", kBuildType},
                       {"materials", materials_json(facts)},
                       {"invocation", std::move(invocation)},
                       {"metadata", std::move(metadata)}});
}

}  // namespace

std::string package_url(const oci::Reference& name, const oci::Platform& platform) {
  const bool is_hub = name.domain() == "docker.io";
  std::string out = cat("pkg:docker/", is_hub ? name.familiar_repository() : name.repository());
  if (!name.tag().empty()) out += cat("@", name.tag());
  return cat(out, "?platform=", replace_all(platform.normalized().str(), "/", "%2F"));
}

json::Value digest_json(const oci::Digest& digest) {
  json::Value out = json::object();
  out.set(digest.algorithm_name(), digest.hex());
  return out;
}

std::string_view provenance_type(const Attestations& wanted) {
  return wanted.provenance_v02 ? "https://slsa.dev/provenance/v0.2"
                               : "https://slsa.dev/provenance/v1";
}

json::Value provenance_of(const ProvenanceFacts& facts) {
  return facts.request.attestations.provenance_v02 ? version_02(facts) : version_1(facts);
}

BuildProvenance recorded_provenance(const ProvenanceFacts& facts) {
  return {.platform = platform_of(facts), .predicate = version_02(facts).dump()};
}

}  // namespace skiff::builder
