#include "cli/image_statements.h"

#include "base/strings.h"

namespace skiff::cli {

namespace {

constexpr std::string_view kReferenceType = "vnd.docker.reference.type";
constexpr std::string_view kReferenceDigest = "vnd.docker.reference.digest";

std::string annotation(const json::Value& entry, std::string_view key) {
  const json::Value* annotations = entry.find("annotations");
  return annotations == nullptr ? "" : annotations->string(key);
}

bool is_attestation(const json::Value& entry) {
  return annotation(entry, kReferenceType) == "attestation-manifest";
}

// Of several of one kind the first.
void add(json::Object& to, const std::string& platform, std::string_view member,
         const json::Value& statement) {
  const json::Value* predicate = statement.find("predicate");
  if (predicate == nullptr || to.find(platform) != nullptr) return;
  json::Value one = json::object();
  one.set(member, *predicate);
  to.set(platform, std::move(one));
}

json::Value of_platforms(json::Object all, size_t platforms) {
  if (all.empty()) return json::Value();
  if (platforms == 1) return all.begin()->second;
  return json::Value(std::move(all));
}

}  // namespace

Result<ImageStatements> statements_of(Session& session, const oci::Reference& name,
                                      const RegistryDocument& document) {
  ImageStatements out;
  if (!document.is_index()) return out;
  const json::Value index = TRY(json::parse(document.raw));
  std::map<std::string, std::string> platforms;  // of images, by digest
  for (const json::Value& entry : index.array("manifests")) {
    if (!is_attestation(entry)) platforms[entry.string("digest")] = platform_text(entry);
  }
  json::Object provenance;
  json::Object sbom;
  for (const json::Value& entry : index.array("manifests")) {
    const auto image = platforms.find(annotation(entry, kReferenceDigest));
    if (!is_attestation(entry) || image == platforms.end()) continue;
    const auto digest = TRY(oci::Digest::parse(entry.string("digest")));
    for (const json::Value& statement : TRY(fetch_statements(session, name.with_digest(digest)))) {
      const std::string type = statement.string("predicateType");
      if (type.starts_with("https://slsa.dev/provenance/")) {
        add(provenance, image->second, "SLSA", statement);
      } else if (type == "https://spdx.dev/Document") {
        add(sbom, image->second, "SPDX", statement);
      }
    }
  }
  out.provenance = of_platforms(std::move(provenance), platforms.size());
  out.sbom = of_platforms(std::move(sbom), platforms.size());
  return out;
}

}  // namespace skiff::cli
