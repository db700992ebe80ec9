// OCI layouts (image-spec, image-layout.md): images of other tools in a directory, and our own
// cache images. Nobody vouches for what is in one: links lead to nothing outside of it, and a blob
// is what its digest says.
//
//   const auto layout = TRY(OciLayout::open(directory));
//   const oci::Index index = TRY(layout.index());
//   const std::string manifest = TRY(layout.document(index.manifests[0]));
#pragma once

#include <optional>

#include "builder/builder.h"
#include "sys/root_dir.h"

namespace skiff::builder {

class OciLayout {
 public:
  static constexpr std::string_view kRefName = "org.opencontainers.image.ref.name";

  static Result<OciLayout> open(const Path& directory);

  const sys::RootDir& root() const { return root_; }
  static std::string path_of(const oci::Digest& digest);
  // kNotFound where there is no index.json.
  Result<oci::Index> index() const;
  Result<std::string> document(const oci::Descriptor& what, size_t most = size_t{4} << 20U) const;
  // The bytes as they are there; who commits them compares them with the digest.
  Result<> fetch(const oci::Descriptor& what, content::Ingest& to) const;

 private:
  explicit OciLayout(sys::RootDir root) : root_(std::move(root)) {}
  sys::RootDir root_;
};

// The image of that platform, or of the host's: its blobs are in the store, held by the lease,
// without a name.
Result<images::Image> import_layout(images::ImageStore& images, const LayoutContext& layout,
                                    const std::optional<oci::Platform>& platform,
                                    images::ImageLease& lease, const CancelToken& cancel);

}  // namespace skiff::builder
