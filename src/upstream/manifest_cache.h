// ManifestCache: manifests of other registries. By digest they are fetched once; what a tag names
// is asked again when its time is over, by HEAD first, which registries do not count.
#pragma once

#include <mutex>

#include "registry/call.h"
#include "upstream/flights.h"
#include "upstream/origin.h"

namespace skiff::upstream {

class ManifestCache {
 public:
  ManifestCache(registry::MetadataStore& metadata, const Clock& clock)
      : metadata_(metadata), clock_(clock) {}

  // What the registry has of it is right now (false), or the request was answered otherwise (true).
  registry::Answer<bool> prepare(Origin& origin, registry::Call& call);

 private:
  // What became of asking; an error where there is nothing to serve.
  struct Found {
    std::optional<Error> error;
    bool is_stale = false;
  };
  using Flight = Landing<Found>;

  Result<Found> look(Origin& origin, const registry::Call& call);
  Found ask_for_tag(Origin& origin, const std::string& repository, const std::string& tag,
                    const CancelToken& cancel);
  Result<> revalidate(Origin& origin, const std::string& repository, const std::string& tag,
                      bool is_here, const CancelToken& cancel);
  static Result<oci::Descriptor> resolve(Origin& origin, const oci::Reference& reference,
                                         const CancelToken& cancel);
  Found ask_for_digest(Origin& origin, const std::string& repository, const oci::Digest& digest,
                       const CancelToken& cancel);
  Result<> fetch(Origin& origin, const std::string& repository, const oci::Reference& reference,
                 const std::optional<std::string>& tag, const CancelToken& cancel);
  Result<> note_use(const std::string& repository, const std::string& reference);

  registry::MetadataStore& metadata_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, TimePoint> used_;  // when that was last written down
  Flights<Flight> flights_;                // last: they use the others
};

}  // namespace skiff::upstream
