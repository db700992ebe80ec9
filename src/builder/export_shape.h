// ImageShaper: images of a build as an output wants them: layers compressed otherwise, times
// clamped, manifests with annotations or in Docker's words. Layers of the base image keep their
// bytes, unless force-compression asks for theirs too. What leaves the store is packed, and what
// is dated: its digest must not tell what this engine has pushed before.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "builder/export_attest.h"
#include "builder/export_options.h"
#include "builder/platform_build.h"

namespace skiff::builder {

struct ShapedImages {
  oci::Descriptor target;        // the manifest of the only image, or an index
  std::vector<oci::Digest> ids;  // of the configs, in the order of the images
};

class ImageShaper {
 public:
  // The facts outlive it. `attester` is null where no attestations are wanted.
  ImageShaper(Site& site, images::ImageLease& lease, const BuildFacts& facts, Attester* attester,
              const CancelToken& cancel)
      : site_(site), lease_(lease), facts_(facts), attester_(attester), cancel_(cancel) {}

  // With attestations it is always an index.
  Result<ShapedImages> shape(const std::vector<PlatformImage>& images,
                             const ExportOptions& options);

 private:
  Result<oci::Descriptor> shape_one(const PlatformImage& image, const ExportOptions& options,
                                    std::vector<oci::Digest>& ids);
  Result<oci::Descriptor> make_index(std::vector<oci::Descriptor> manifests,
                                     const ExportOptions& options);
  // Does nothing to a layer that is as it is wanted.
  Result<> shape_layer(const PlatformImage& image, size_t i, bool packs,
                       const ExportOptions& options, images::NewLayer& layer);
  Result<bool> is_here(const oci::Descriptor& blob);

  Site& site_;
  images::ImageLease& lease_;
  const BuildFacts& facts_;
  Attester* attester_;
  const CancelToken& cancel_;
};

}  // namespace skiff::builder
