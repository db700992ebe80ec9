// Exporter: gives the images of a build to its outputs.
#pragma once

#include <vector>

#include "builder/export_options.h"
#include "builder/export_shape.h"
#include "builder/platform_build.h"

namespace skiff::builder {

class Exporter {
 public:
  // Understands all outputs of the request, so that a wrong one fails before anything is built.
  // Without any, the image goes into the store.
  static Result<Exporter> make(Site& site, const BuildRequest& request);

  // One output after the other; returns what the last one has that is an image, else the last. The
  // lease holds what the images are made of.
  Result<ShapedImages> run(const std::vector<PlatformImage>& built, const BuildFacts& facts,
                           images::ImageLease& lease, SharedSink& events,
                           const CancelToken& cancel);

 private:
  struct Planned {
    Output output;
    ExportOptions options;
  };
  struct Work;
  Exporter(Site& site, const BuildRequest& request) : site_(site), request_(request) {}

  Site& site_;
  const BuildRequest& request_;
  std::vector<Planned> planned_;
};

}  // namespace skiff::builder
