// CacheShelf: where a cache image is kept under a name: a directory, a registry, a client's store.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "content/content_store.h"
#include "oci/manifest.h"

namespace skiff::builder {

class CacheShelf {
 public:
  virtual ~CacheShelf() = default;
  // The manifest of that name; nullopt where there is none.
  virtual Result<std::optional<std::string>> manifest() = 0;
  // Of a manifest that an index names, or of a blob.
  virtual Result<std::string> document(const oci::Descriptor& blob) = 0;
  virtual Result<> fetch(const oci::Descriptor& blob, content::Ingest& to) = 0;
  virtual Result<> put(const oci::Descriptor& blob) = 0;  // from the content store
  // Unless another one than `before` (none: "") has the name by now: kFailedPrecondition.
  virtual Result<> put_manifest(const oci::Manifest& manifest, const std::string& before) = 0;
};

}  // namespace skiff::builder
