#include "builder/export_attest.h"

#include "base/strings.h"
#include "builder/export_sbom.h"
#include "builder/export_tree.h"
#include "codec/json.h"

namespace skiff::builder {

namespace {

constexpr std::string_view kStatement = "https://in-toto.io/Statement/v0.1";
constexpr std::string_view kProvenance = "https://slsa.dev/provenance/v1";
constexpr std::string_view kSpdx = "https://spdx.dev/Document";
constexpr std::string_view kInToto = "application/vnd.in-toto+json";
constexpr std::string_view kAttestation = "application/vnd.docker.attestation.manifest.v1+json";
constexpr std::string_view kBuildkitMetadata = "https://mobyproject.org/buildkit@v1#metadata";
// What "buildDefinition" means here: docs/outputs.md.
constexpr std::string_view kBuildType = "urn:skiff:build:dockerfile:v1";

// "pkg:docker/library/alpine@3?platform=linux%2Famd64"
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

}  // namespace

std::string Attester::time_of(const ExportOptions& options, TimePoint time) const {
  // SPDX knows whole seconds alone.
  return format_rfc3339(std::chrono::floor<std::chrono::seconds>(options.epoch.value_or(time)));
}

json::Value Attester::provenance(const PlatformImage& built, const ExportOptions& options) const {
  json::Array dependencies;
  for (const Material& material : built.materials) dependencies.push_back(material_json(material));
  json::Value source = json::object({{"path", request_.name_of_dockerfile()}});
  json::Value metadata = json::object({{"startedOn", time_of(options, facts_.begun)},
                                       {"finishedOn", time_of(options, site_.clock.now())}});
  if (facts_.origin && !request_.context_url.empty()) {
    json::Value fetched = origin_json(*facts_.origin);
    dependencies.push_back(fetched);
    for (const auto& [key, value] : fetched.as_object()) source.set(key, value);
  } else if (facts_.origin) {
    // What the caller says of its directory, as buildx passes it on.
    metadata.set(kBuildkitMetadata,
                 json::object({{"vcs", json::object({{"source", facts_.origin->repository},
                                                     {"revision", facts_.origin->commit}})}}));
  }
  json::Value external =
      json::object({{"configSource", std::move(source)}, {"request", request_json(request_)}});
  json::Value definition =
      json::object({{"buildType", kBuildType},
                    {"externalParameters", std::move(external)},
                    {"internalParameters",
                     json::object({{"platform", built.config.platform.normalized().str()}})},
                    {"resolvedDependencies", std::move(dependencies)}});
  return json::object(
      {{"buildDefinition", std::move(definition)},
       {"runDetails",
        json::object({{"builder", json::object({{"id", cat("urn:skiff:", SKIFF_VERSION)}})},
                      {"metadata", std::move(metadata)}})}});
}

Result<json::Value> Attester::sbom(const oci::Descriptor& manifest, const ExportOptions& options) {
  const ExportedTrees trees = TRY(ExportedTrees::mount(site_, manifest, std::nullopt, cancel_));
  std::vector<FoundPackage> packages;
  for (const ExportedTree& tree : trees.trees()) {
    const auto root = TRY(sys::RootDir::open(tree.root));
    packages = TRY(find_packages(root, cancel_));
  }
  const std::string name =
      options.names.empty() ? manifest.digest.str() : options.names[0].familiar();
  return spdx_document(name, cat("urn:skiff:sbom:", manifest.digest.str()),
                       time_of(options, site_.clock.now()), packages);
}

Result<oci::Descriptor> Attester::store_statement(std::string_view type, json::Value predicate,
                                                  const oci::Descriptor& manifest,
                                                  const ExportOptions& options) {
  json::Array subjects;
  const auto add = [&](const std::string& name) {
    subjects.push_back(json::object({{"name", name}, {"digest", digest_json(manifest.digest)}}));
  };
  for (const oci::Reference& name : options.names) add(package_url(name, *manifest.platform));
  if (subjects.empty()) add("_");
  const std::string bytes = json::object({{"_type", kStatement},
                                          {"predicateType", type},
                                          {"subject", std::move(subjects)},
                                          {"predicate", std::move(predicate)}})
                                .dump();
  oci::Descriptor out;
  out.media_type = kInToto;
  out.digest = TRY(content::write_blob(site_.images.content(), bytes, &lease_));
  out.size = bytes.size();
  out.annotations["in-toto.io/predicate-type"] = type;
  return out;
}

Result<oci::Descriptor> Attester::attest(const PlatformImage& built,
                                         const oci::Descriptor& manifest,
                                         const ExportOptions& options) {
  json::Array statements;
  const auto store = [&](std::string_view type, json::Value predicate) -> Result<> {
    const auto blob = TRY(store_statement(type, std::move(predicate), manifest, options));
    statements.push_back(blob.to_json());
    return {};
  };
  if (request_.attestations.sbom) TRY(store(kSpdx, TRY(sbom(manifest, options))));
  if (request_.attestations.provenance) TRY(store(kProvenance, provenance(built, options)));
  oci::Descriptor config;
  config.media_type = oci::kMediaTypeEmptyJson;
  config.digest = TRY(content::write_blob(site_.images.content(), "{}", &lease_));
  config.size = 2;
  oci::Descriptor subject = manifest;
  subject.platform.reset();
  const std::string bytes = json::object({{"schemaVersion", 2},
                                          {"mediaType", oci::kMediaTypeManifest},
                                          {"artifactType", kAttestation},
                                          {"config", config.to_json()},
                                          {"layers", std::move(statements)},
                                          {"subject", subject.to_json()}})
                                .dump();
  oci::Descriptor out;
  out.media_type = oci::kMediaTypeManifest;
  out.digest = TRY(content::write_blob(site_.images.content(), bytes, &lease_));
  out.size = bytes.size();
  out.platform = oci::Platform{.os = "unknown", .architecture = "unknown"};
  out.annotations = {{"vnd.docker.reference.type", "attestation-manifest"},
                     {"vnd.docker.reference.digest", manifest.digest.str()}};
  return out;
}

}  // namespace skiff::builder
