#include "builder/oci_layout.h"

#include <fcntl.h>

#include "base/strings.h"
#include "sys/root_dir.h"

namespace skiff::builder {

namespace {

constexpr size_t kMaxDocument = size_t{4} << 20U;
constexpr const char* kRefName = "org.opencontainers.image.ref.name";

Error invalid(std::string message) { return Error(Code::kInvalidArgument, std::move(message)); }

std::string blob_path(const oci::Digest& digest) {
  return cat("blobs/", digest.algorithm_name(), "/", digest.hex());
}

class Importer {
 public:
  Importer(images::ImageStore& images, sys::RootDir root, images::ImageLease& lease,
           const CancelToken& cancel)
      : images_(images), root_(std::move(root)), lease_(lease), cancel_(cancel) {}

  // The manifest or index that the reference names.
  Result<oci::Descriptor> choose(const std::string& reference) {
    const std::string text =
        TRY_CONTEXT(root_.read_file("index.json", kMaxDocument), "it is no OCI layout");
    const auto index = TRY_CONTEXT(oci::Index::parse(text), "index.json");
    std::vector<std::string> names;
    for (const oci::Descriptor& one : index.manifests) {
      const auto found = one.annotations.find(kRefName);
      const std::string name = found == one.annotations.end() ? "" : found->second;
      // Some tools write the tag there, others the whole name.
      const bool is_named =
          !reference.empty() && (name == reference || name.ends_with(cat(":", reference)));
      if (one.digest.str() == reference || is_named) return one;
      if (!name.empty()) names.push_back(name);
    }
    if (reference.empty() && index.manifests.size() == 1) return index.manifests.front();
    if (reference.empty()) {
      return invalid(
          cat("it has ", index.manifests.size(), " images: name one of [", join(names, " "), "]"));
    }
    return Error(Code::kNotFound,
                 cat("no image is called ", reference, ", only [", join(names, " "), "]"));
  }

  Result<oci::Descriptor> manifest_of(oci::Descriptor target, const oci::Platform& platform) {
    while (oci::is_index_type(target.media_type)) {
      const auto index = TRY(oci::Index::parse(TRY(document(target)), target.media_type));
      const oci::Descriptor* best = index.choose(platform);
      if (best == nullptr) {
        return Error(Code::kNotFound, cat("no image for ", platform.str()));
      }
      target = *best;
    }
    return target;
  }

  Result<> import(const oci::Descriptor& target) {
    const auto manifest = TRY(oci::Manifest::parse(TRY(document(target)), target.media_type));
    TRY(add(manifest.config));
    for (const oci::Descriptor& layer : manifest.layers) TRY(add(layer));
    return add(target);
  }

 private:
  Result<std::string> document(const oci::Descriptor& what) {
    std::string text = TRY(root_.read_file(blob_path(what.digest), kMaxDocument));
    const auto actual = oci::Digest::of(text, what.digest.algorithm());
    if (actual == what.digest) return text;
    return Error(Code::kDataLoss, cat("blob ", what.digest.str(), " is ", actual.str()));
  }

  Result<> add(const oci::Descriptor& what) {
    TRY(cancel_.check());
    auto& content = images_.content();
    TRY(lease_.hold(what.digest));
    if (content.info(what.digest)) return {};
    const UniqueFd file =
        TRY(root_.open_at(blob_path(what.digest), O_RDONLY | O_NONBLOCK | O_NOFOLLOW));
    FdSource source(file.get());
    const auto ingest = TRY(content.ingest(""));
    TRY(copy(source, *ingest));
    TRY(content.commit(*ingest, what.digest, &lease_));
    return {};
  }

  images::ImageStore& images_;
  sys::RootDir root_;
  images::ImageLease& lease_;
  const CancelToken& cancel_;
};

}  // namespace

Result<images::Image> import_layout(images::ImageStore& images, const LayoutContext& layout,
                                    const std::optional<oci::Platform>& platform,
                                    images::ImageLease& lease, const CancelToken& cancel) {
  sys::RootDir root = TRY(sys::RootDir::open(layout.layout.directory));
  Importer importer(images, std::move(root), lease, cancel);
  const oci::Descriptor named = TRY(importer.choose(layout.reference));
  const oci::Descriptor manifest =
      TRY(importer.manifest_of(named, platform.value_or(oci::Platform::host())));
  TRY(importer.import(manifest));
  auto found = TRY(images.platforms_of(manifest));
  if (found.empty()) return invalid("its image cannot be read");
  TRY(lease.hold_image(found.front()));
  return std::move(found.front());
}

}  // namespace skiff::builder
