// Images made here: layers from tars, and the documents that put them together.
#pragma once

#include "images/image_store.h"
#include "images/parts.h"

namespace skiff::images {

// Puts a layer tar into the store.
Result<NewLayer> add_layer(Parts& parts, Source& tar, content::Lease& lease,
                           const CompressForm& form = kKeptForm);

// The same; one that is kept in a file is not written again.
Result<NewLayer> add_layer(Parts& parts, snapshot::LayerToStore& tar, content::Lease& lease);

// Writes the manifest over a config, kept byte by byte, and its layers; returns its descriptor
// with the config's platform.
Result<oci::Descriptor> write_manifest(Parts& parts, std::string_view config_bytes,
                                       const oci::ImageConfig& config,
                                       std::vector<oci::Descriptor> layers, content::Lease& lease,
                                       const ManifestForm& form = {});

}  // namespace skiff::images
