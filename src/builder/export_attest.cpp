#include "builder/export_attest.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/strings.h"
#include "builder/export_provenance.h"
#include "builder/export_sbom.h"
#include "builder/export_tree.h"
#include "builder/offline_plan.h"
#include "builder/source_walk.h"
#include "codec/hash.h"
#include "codec/json.h"

namespace skiff::builder {

namespace {

constexpr std::string_view kStatement = "https://in-toto.io/Statement/v0.1";
constexpr std::string_view kSpdx = "https://spdx.dev/Document";
constexpr std::string_view kInToto = "application/vnd.in-toto+json";
constexpr std::string_view kAttestation = "application/vnd.docker.attestation.manifest.v1+json";

json::Value statement(std::string_view type, json::Array subjects, json::Value predicate) {
  return json::object({{"_type", kStatement},
                       {"predicateType", type},
                       {"subject", std::move(subjects)},
                       {"predicate", std::move(predicate)}});
}

json::Value subject(const std::string& name, json::Value digest) {
  return json::object({{"name", name}, {"digest", std::move(digest)}});
}

// As BuildKit has it: an image of no platform, whose layers the statements are.
std::string config_of_statements(const json::Array& statements) {
  json::Array digests;
  for (const json::Value& one : statements) digests.push_back(one.string("digest"));
  return json::object({{"architecture", "unknown"},
                       {"os", "unknown"},
                       {"config", json::object()},
                       {"rootfs", json::object({{"type", "layers"},
                                                {"diff_ids", json::Value(std::move(digests))}})}})
      .dump();
}

// Each regular file below `directory`, by its path from the root.
Result<> add_files(const sys::RootDir& root, const std::string& directory, json::Array& to,
                   const CancelToken& cancel) {
  const UniqueFd listed = TRY(root.open_at(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  for (const std::string& name : TRY(names_in(listed.get()))) {
    TRY(cancel.check());
    const std::string path = directory == "." ? name : cat(directory, "/", name);
    const struct stat st = TRY(root.lstat(path));
    if (S_ISDIR(st.st_mode)) TRY(add_files(root, path, to, cancel));
    if (!S_ISREG(st.st_mode)) continue;
    const UniqueFd file = TRY(root.open_at(path, O_RDONLY | O_NOFOLLOW));
    FdSource source(file.get());
    Hasher hash;
    TRY_CONTEXT(copy(source, hash), path);
    to.push_back(subject(path, json::object({{"sha256", hash.hex()}})));
  }
  return {};
}

}  // namespace

std::string Attester::time_of(const ExportOptions& options, TimePoint time) const {
  // SPDX knows whole seconds alone.
  return format_rfc3339(std::chrono::floor<std::chrono::seconds>(options.epoch.value_or(time)));
}

json::Value Attester::provenance(const PlatformImage& built, const ExportOptions& options) const {
  return provenance_of({.request = request_,
                        .built = built,
                        .origin = facts_.origin,
                        .started = time_of(options, facts_.begun),
                        .finished = time_of(options, site_.clock.now())});
}

Result<json::Value> Attester::sbom(const oci::Descriptor& manifest, const ExportOptions& options) {
  const ExportedTrees trees = TRY(ExportedTrees::mount(site_, manifest, {}, cancel_));
  return sbom_of(trees.trees().front().root, manifest, options);
}

Result<json::Value> Attester::sbom_of(const Path& root, const oci::Descriptor& manifest,
                                      const ExportOptions& options) {
  const auto tree = TRY(sys::RootDir::open(root));
  const std::vector<FoundPackage> packages = TRY(find_packages(tree, cancel_));
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
    subjects.push_back(subject(name, digest_json(manifest.digest)));
  };
  for (const oci::Reference& name : options.names) add(package_url(name, *manifest.platform));
  if (subjects.empty()) add("_");
  const std::string bytes = statement(type, std::move(subjects), std::move(predicate)).dump();
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
  if (options.attestations.sbom) TRY(store(kSpdx, TRY(sbom(manifest, options))));
  if (options.attestations.provenance)
    TRY(store(provenance_type(options.attestations), provenance(built, options)));
  oci::Descriptor about = manifest;
  about.platform.reset();
  const std::string text = options.oci_artifact ? "{}" : config_of_statements(statements);
  oci::Descriptor config;
  config.media_type = options.oci_artifact ? oci::kMediaTypeEmptyJson : oci::kMediaTypeConfig;
  config.digest = TRY(content::write_blob(site_.images.content(), text, &lease_));
  config.size = text.size();
  json::Value document =
      json::object({{"schemaVersion", 2}, {"mediaType", oci::kMediaTypeManifest}});
  if (options.oci_artifact) document.set("artifactType", kAttestation);
  document.set("config", config.to_json());
  document.set("layers", std::move(statements));
  if (options.oci_artifact) document.set("subject", about.to_json());
  const std::string bytes = document.dump();
  oci::Descriptor out;
  out.media_type = oci::kMediaTypeManifest;
  out.digest = TRY(content::write_blob(site_.images.content(), bytes, &lease_));
  out.size = bytes.size();
  out.platform = oci::Platform{.os = "unknown", .architecture = "unknown"};
  out.annotations = {{"vnd.docker.reference.type", "attestation-manifest"},
                     {"vnd.docker.reference.digest", manifest.digest.str()}};
  return out;
}

Result<std::map<std::string, std::string>> Attester::attest_files(const PlatformImage& built,
                                                                  const oci::Descriptor& manifest,
                                                                  const Path& root,
                                                                  const ExportOptions& options) {
  constexpr int kIndent = 2;
  // Where several platforms share a directory each name has the platform's before its end.
  const bool shares = options.platform_split == false && platforms_of(request_).size() > 1;
  const std::string of_platform = shares ? cat(".", directory_of(built.config.platform)) : "";
  const auto named = [&](std::string_view name) {
    return cat(options.attestation_prefix, name, of_platform, ".json");
  };
  std::map<std::string, std::pair<std::string_view, json::Value>> predicates;  // by their files
  if (options.attestations.sbom) {
    predicates[named("sbom.spdx")] = {kSpdx, TRY(sbom_of(root, manifest, options))};
  }
  if (options.attestations.provenance) {
    predicates[named("provenance")] = {provenance_type(options.attestations),
                                       provenance(built, options)};
  }
  json::Array subjects;
  TRY(add_files(TRY(sys::RootDir::open(root)), ".", subjects, cancel_));
  // Files of the image that have these names are replaced.
  std::erase_if(subjects,
                [&](const json::Value& file) { return predicates.contains(file.string("name")); });
  std::map<std::string, std::string> out;
  for (auto& [file, stated] : predicates) {
    out[file] = statement(stated.first, subjects, std::move(stated.second)).pretty(kIndent);
  }
  return out;
}

}  // namespace skiff::builder
