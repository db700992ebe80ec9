// ExportOptions: the attributes of an output, understood.
#pragma once

#include <vector>

#include "builder/builder.h"

namespace skiff::builder {

// "annotation.KEY=VALUE", "annotation[linux/arm64].KEY=VALUE".
struct Annotation {
  std::string key;
  std::string value;
  std::optional<oci::Platform> platform;  // of those images alone
  bool applies_to(const oci::Platform& image) const {
    return !platform || platform->normalized() == image.normalized();
  }
};

struct ExportOptions {
  std::vector<oci::Reference> names;  // "name=", else the build's tags
  bool store = true;                  // of an image: keep it in the store, under its names
  bool push = false;
  bool push_by_digest = false;
  bool insecure = false;  // the registry may speak plain HTTP

  // Plain layers are packed: the image goes elsewhere, or is to have one digest everywhere.
  bool packs = false;
  std::optional<CompressForm> compression;  // of the layers that were built
  bool force_compression = false;           // of the base image's layers, too
  bool in_dockers_words = false;            // media types; else OCI's
  std::vector<Annotation> manifest_annotations;
  // Of manifests in an index, or in index.json.
  std::vector<Annotation> descriptor_annotations;
  std::map<std::string, std::string> index_annotations;
  std::map<std::string, std::string> index_descriptor_annotations;  // of the index in index.json

  // SOURCE_DATE_EPOCH: the image's time, and the latest one in its history.
  std::optional<TimePoint> epoch;
  bool rewrite_timestamps = false;  // it is the latest one of files in layers that were built, too

  // That of the request's, and what clients ask for of their own accord.
  Attestations attestations;
  bool attestation_inline = false;
  bool oci_artifact = true;  // of manifests of attestations: their type, and the image as subject
  std::string attestation_prefix;  // of the names of attestations that stand beside files

  // Of files: whether each platform's have a directory of their own; else where there are several.
  std::optional<bool> platform_split;
};

// kInvalidArgument names the attribute.
Result<ExportOptions> parse_export(const Output& output, const BuildRequest& request);

}  // namespace skiff::builder
