#include "cli/imagetools_format.h"

#include "base/strings.h"
#include "cli/go_template.h"
#include "cli/image_statements.h"

namespace skiff::cli {

Result<RegistryDocument> fetch_known(Session& session, const oci::Reference& name) {
  auto document = fetch_document(session, name);
  if (!document && document.error().code() == Code::kNotFound) {
    return Error(Code::kNotFound, cat(name.str(), ": not found"));
  }
  return document;
}

json::Value in_gos_order(const json::Value& descriptor) {
  json::Value out = json::object();
  for (std::string_view key :
       {"mediaType", "digest", "size", "urls", "annotations", "platform", "artifactType"}) {
    const json::Value* value = descriptor.find(key);
    if (value != nullptr && *value != json::Value("")) out.set(key, *value);
  }
  return out;
}

namespace {

// A config as it is, of an index one for each platform where there are several.
Result<json::Value> image_of(Session& session, const oci::Reference& name,
                             const RegistryDocument& document) {
  if (!document.is_index()) {
    return document.config.empty() ? json::Value() : TRY(json::parse(document.config));
  }
  json::Object out;
  const json::Value index = TRY(json::parse(document.raw));
  for (const json::Value& entry : index.array("manifests")) {
    const auto digest = TRY(oci::Digest::parse(entry.string("digest")));
    const auto one = TRY(fetch_known(session, name.with_digest(digest)));
    if (!one.config.empty()) out.set(platform_text(entry), TRY(json::parse(one.config)));
  }
  if (out.size() == 1) return out.begin()->second;
  return json::Value(std::move(out));
}

// Of an index with its manifests.
Result<json::Value> manifest_of(const RegistryDocument& document) {
  if (!document.is_index()) {
    return json::object({{"mediaType", document.media_type()},
                         {"digest", document.descriptor.string("digest")},
                         {"size", document.descriptor.integer("size")}});
  }
  const json::Value index = TRY(json::parse(document.raw));
  json::Value out = json::object({{"schemaVersion", 2},
                                  {"mediaType", document.media_type()},
                                  {"digest", document.descriptor.string("digest")},
                                  {"size", document.descriptor.integer("size")}});
  json::Array manifests;
  for (const json::Value& entry : index.array("manifests"))
    manifests.push_back(in_gos_order(entry));
  out.set("manifests", std::move(manifests));
  if (const json::Value* annotations = index.find("annotations")) {
    out.set("annotations", *annotations);
  }
  return out;
}

// A member under the name that Go's templates know it by.
json::Value with_gos_names(const json::Value& value) {
  if (value.is_array()) {
    json::Array out;
    for (const json::Value& each : value.as_array()) out.push_back(with_gos_names(each));
    return json::Value(std::move(out));
  }
  if (!value.is_object()) return value;
  json::Object out;
  for (const auto& [key, member] : value.as_object()) {
    std::string name = key == "os" ? "OS" : key;
    if (!name.empty())
      name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
    out.set(name, key == "annotations" ? member : with_gos_names(member));
  }
  return json::Value(std::move(out));
}

}  // namespace

Result<std::string> formatted(Session& session, const oci::Reference& name,
                              const RegistryDocument& document, const std::string& format) {
  const json::Value manifest = TRY(manifest_of(document));
  const bool wants_image = format.find(".Image") != std::string::npos || format == "{{json .}}";
  const json::Value image = wants_image ? TRY(image_of(session, name, document)) : json::Value();
  const bool wants_statements =
      format.find(".Provenance") != std::string::npos || format.find(".SBOM") != std::string::npos;
  const ImageStatements said =
      wants_statements ? TRY(statements_of(session, name, document)) : ImageStatements();
  if (format == "{{json .Provenance}}") return said.provenance.pretty(kBuildxIndent);
  if (format == "{{json .SBOM}}") return said.sbom.pretty(kBuildxIndent);
  // As JSON members have the names of the specification, indented.
  if (format == "{{json .Manifest}}") return manifest.pretty(kBuildxIndent);
  if (format == "{{json .Image}}") return image.pretty(kBuildxIndent);
  if (format == "{{json .}}") {
    return json::object({{"name", name.str()}, {"manifest", manifest}, {"image", image}})
        .pretty(kBuildxIndent);
  }
  return render_template(format, json::object({{"Name", name.str()},
                                               {"Manifest", with_gos_names(manifest)},
                                               {"Image", image},
                                               {"Provenance", said.provenance},
                                               {"SBOM", said.sbom}}));
}

}  // namespace skiff::cli
