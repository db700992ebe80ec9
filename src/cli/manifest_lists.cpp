#include "cli/manifest_lists.h"

#include <unistd.h>

#include <algorithm>

#include "base/strings.h"
#include "cli/client_config.h"
#include "codec/base64.h"
#include "oci/manifest.h"

namespace skiff::cli {

namespace {

constexpr int kIndent = 3;  // as `docker manifest push` writes them

Path directory() { return client_directory() / "skiff-manifests"; }

Path file_of(const oci::Reference& name) {
  return directory() / cat(replace_all(replace_all(name.str(), "/", "_"), ":", "-"), ".json");
}

}  // namespace

ListedManifest* ManifestList::find(const oci::Reference& wanted) {
  const auto found = std::ranges::find(manifests, wanted, &ListedManifest::name);
  return found == manifests.end() ? nullptr : &*found;
}

std::string ManifestList::media_type() const {
  const bool is_oci =
      !manifests.empty() && manifests[0].descriptor.string("mediaType") == oci::kMediaTypeManifest;
  return std::string(is_oci ? oci::kMediaTypeIndex : oci::kDockerManifestList);
}

std::string ManifestList::document() const {
  json::Array entries;
  for (const ListedManifest& manifest : manifests) {
    // The order of members is that of Docker's lists: the same list has the same digest.
    json::Value entry = json::object({{"mediaType", manifest.descriptor.string("mediaType")},
                                      {"size", manifest.descriptor.integer("size")},
                                      {"digest", manifest.descriptor.string("digest")}});
    if (const json::Value* platform = manifest.descriptor.find("platform")) {
      json::Value ordered = json::object();
      for (std::string_view key : {"architecture", "os", "os.version", "os.features", "variant"}) {
        if (const json::Value* value = platform->find(key)) ordered.set(key, *value);
      }
      entry.set("platform", std::move(ordered));
    }
    entries.push_back(std::move(entry));
  }
  return json::object(
             {{"schemaVersion", 2}, {"mediaType", media_type()}, {"manifests", std::move(entries)}})
      .pretty(kIndent);
}

Result<std::optional<ManifestList>> load_list(const oci::Reference& name) {
  const Path file = file_of(name);
  auto text = read_file(file);
  if (!text) {
    if (text.error().code() == Code::kNotFound) return std::nullopt;
    return text.error();
  }
  const json::Value document = TRY_CONTEXT(json::parse(*text), cat("read ", file.native()));
  ManifestList out{.name = name, .manifests = {}};
  for (const json::Value& entry : document.as_array()) {
    ListedManifest manifest;
    manifest.name = TRY(oci::Reference::parse(entry.string("Ref")));
    if (const json::Value* descriptor = entry.find("Descriptor")) {
      manifest.descriptor = *descriptor;
    }
    manifest.raw = TRY(base64_decode(entry.string("Raw")));
    out.manifests.push_back(std::move(manifest));
  }
  return out;
}

Result<> save_list(const ManifestList& list) {
  TRY(make_directories(directory(), 0700));
  json::Array entries;
  for (const ListedManifest& manifest : list.manifests) {
    entries.push_back(json::object({{"Ref", manifest.name.str()},
                                    {"Descriptor", manifest.descriptor},
                                    {"Raw", base64_encode(manifest.raw)}}));
  }
  return write_file_durably(file_of(list.name), json::Value(std::move(entries)).dump());
}

Result<bool> remove_list(const oci::Reference& name) {
  const Path file = file_of(name);
  if (::unlink(file.c_str()) == 0) return true;
  if (errno == ENOENT) return false;
  return Error::from_errno(errno, cat("remove ", file.native()));
}

}  // namespace skiff::cli
