// A manifest as the metadata has it: its bytes, and what they say.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "oci/digest.h"

namespace skiff::registry {

// One thing that a manifest names.
struct ManifestReference {
  oci::Digest digest;
  uint64_t size = 0;
  std::string media_type = {};  // of an entry of an index
  bool manifest = false;        // an entry of an index
  bool optional = false;  // the repository need not have it: a layer that is fetched elsewhere
  bool spared = false;    // nor need one of sparse content: a layer, an entry of an index
  std::string place;      // "layers[2]"
};

struct ManifestRow {
  oci::Digest digest;
  std::string media_type;
  std::string bytes;
};

struct NewManifest {
  ManifestRow row;
  std::string artifact_type;
  std::map<std::string, std::string> annotations;
  std::optional<oci::Digest> subject;
  std::vector<ManifestReference> references;
};

}  // namespace skiff::registry
