// Manifest lists on their way to a registry, as `manifest create` makes them: files beside the
// client's settings, one a list.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "codec/json.h"
#include "oci/reference.h"

namespace skiff::cli {

struct ListedManifest {
  oci::Reference name;
  json::Value descriptor;  // with the platform
  std::string raw;
};

struct ManifestList {
  oci::Reference name;
  std::vector<ListedManifest> manifests;

  ListedManifest* find(const oci::Reference& wanted);
  // As registries keep it: of OCI's kind where the first manifest is.
  std::string media_type() const;
  std::string document() const;
};

// nullopt where there is none.
Result<std::optional<ManifestList>> load_list(const oci::Reference& name);
Result<> save_list(const ManifestList& list);
// False where there was none.
Result<bool> remove_list(const oci::Reference& name);

}  // namespace skiff::cli
