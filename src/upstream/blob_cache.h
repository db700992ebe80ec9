// BlobCache: blobs of other registries. One fetch of a blob serves all who ask for it meanwhile:
// they read it while it comes, and get its end only once all of it was found right and is stored.
#pragma once

#include <functional>

#include "registry/call.h"
#include "upstream/flights.h"
#include "upstream/origin.h"
#include "upstream/spool.h"

namespace skiff::upstream {

class BlobCache {
 public:
  // `stored` is called after each blob that came.
  BlobCache(const registry::Context& context, Path spool, std::function<void()> stored)
      : context_(context), spool_(std::move(spool)), stored_(std::move(stored)) {}

  // As ManifestCache.
  registry::Answer<bool> serve(Origin& origin, registry::Call& call);

 private:
  registry::Answer<bool> tell(Origin& origin, registry::Call& call, const oci::Digest& digest);
  registry::Answer<bool> give(Origin& origin, registry::Call& call, const oci::Digest& digest);
  registry::Answer<bool> refuse(Origin& origin, registry::Call& call, const Error& error);
  Result<std::shared_ptr<Spool>> flight(Origin& origin, const std::string& repository,
                                        const oci::Digest& digest);
  Result<> fetch(Origin& origin, const std::string& repository, const oci::Digest& digest,
                 Spool& spool, const CancelToken& cancel);
  Result<bool> take_from_another(Origin& origin, const std::string& repository,
                                 const oci::Digest& digest, const CancelToken& cancel);
  // Whole, as far as is seen without reading it: what is damaged is fetched again.
  Result<bool> is_here(const std::string& repository, const oci::Digest& digest);
  Result<bool> is_whole(const oci::Digest& digest, const std::optional<registry::BlobPlace>& place);

  const registry::Context& context_;
  const Path spool_;
  const std::function<void()> stored_;
  Flights<Spool> flights_;  // last: they use the others
};

}  // namespace skiff::upstream
