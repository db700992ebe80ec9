#include "images/archive_format.h"

#include "base/strings.h"

namespace skiff::images {

namespace {

std::string annotation(const oci::Descriptor& descriptor, std::string_view key) {
  auto found = descriptor.annotations.find(std::string(key));
  return found == descriptor.annotations.end() ? "" : found->second;
}

}  // namespace

std::string blob_path(const oci::Digest& digest) {
  return cat("blobs/", digest.algorithm_name(), "/", digest.hex());
}

std::optional<oci::Digest> blob_of_path(std::string_view path) {
  const std::vector<std::string> parts = split(path, '/');
  if (parts.size() != 3 || parts[0] != "blobs") return std::nullopt;
  auto digest = oci::Digest::parse(cat(parts[1], ":", parts[2]));
  if (!digest) return std::nullopt;
  return *std::move(digest);
}

Result<DockerEntry> DockerEntry::from_json(const json::Value& v) {
  DockerEntry entry;
  entry.config = TRY(v.require_string("Config"));
  entry.tags = v.strings("RepoTags");
  entry.layers = v.strings("Layers");
  return entry;
}

json::Value DockerEntry::to_json() const {
  const json::Value names = tags.empty() ? json::Value() : json::Value(tags);
  return json::object({{"Config", config}, {"RepoTags", names}, {"Layers", layers}});
}

Result<std::optional<oci::Reference>> annotated_name(const oci::Descriptor& descriptor) {
  std::string text = annotation(descriptor, kNameAnnotation);
  if (text.empty()) {
    text = annotation(descriptor, kRefNameAnnotation);
    // "latest" is a tag of an image that has no name here.
    if (text.find_first_of(":/") == std::string::npos) return std::nullopt;
  }
  const oci::Reference name =
      TRY_CONTEXT(oci::Reference::parse(text), cat("image name ", skiff::quoted(text)));
  return name.with_default_tag();
}

}  // namespace skiff::images
