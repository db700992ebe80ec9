// What is kept of other registries: manifests and tags as others, but what a manifest names may
// come later, or never; and where room is needed they go, the least recently used first.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "registry/manifest_rows.h"

namespace skiff::registry {

struct CachedTag {
  oci::Digest digest;
  TimePoint checked;  // when it was last seen to name that in its own registry
};

class CachedImages {
 public:
  virtual ~CachedImages() = default;
  // A manifest that came from another registry, used now; `tag`, where there is one, names it as
  // of now. One that was pushed here stays what it is: whole, and never evicted.
  virtual Result<> cache_manifest(const std::string& repository, const NewManifest& manifest,
                                  const std::optional<std::string>& tag) = 0;
  // nullopt where the tag, or what it names, is not here.
  virtual Result<std::optional<CachedTag>> cached_tag(const std::string& repository,
                                                      const std::string& tag) = 0;
  // The tag names `digest` as of now; false where that is not here.
  virtual Result<bool> confirm_tag(const std::string& repository, const std::string& tag,
                                   const oci::Digest& digest) = 0;
  // It was asked for now, soon.
  virtual Result<> use_manifest(const std::string& repository, const oci::Digest& digest) = 0;
  // Bytes of the blobs that cached manifests name and nobody else has.
  virtual Result<uint64_t> cached_bytes() = 0;
  // Lets the least recently used cached manifest go, with its tags; what it alone names is due for
  // collection. False where there is none that was last used before then.
  virtual Result<bool> evict_one(TimePoint used_before) = 0;
};

}  // namespace skiff::registry
