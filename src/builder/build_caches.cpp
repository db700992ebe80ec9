#include "builder/build_caches.h"

#include "base/strings.h"
#include "builder/cache_image.h"
#include "builder/open_shelf.h"
#include "dockerfile/source_text.h"

namespace skiff::builder {

void import_caches(Site& site, const BuildRequest& request, SharedSink& events,
                   images::ImageLease& lease, ImportedRecords& imported,
                   const CancelToken& cancel) {
  for (const CachePlace& place : request.cache_from) {
    const std::string what = cat("importing cache manifest from ", text_of(place));
    events.send(CacheMoved{.what = what});
    auto read = import_cache(site, request, place, lease, imported, cancel);
    std::string failure = read ? "" : without_controls(read.error().message());
    CacheMoved end{.what = what, .over = true, .error = failure};
    if (read && !*read) {
      failure = cat("import build cache from ", text_of(place), ": there is none");
      // In BuildKit's words.
      end.error = cat("failed to configure ", place.reference ? "registry " : "",
                      "cache importer: ", text_of(place), ": not found");
    }
    events.send(std::move(end));
    if (!failure.empty()) events.send(BuildWarning{failure, 0});
  }
}

Result<> export_caches(Site& site, const BuildRequest& request,
                       const std::vector<PlatformImage>& built, const CacheHold& hold,
                       SharedSink& events, const CancelToken& cancel) {
  if (request.cache_to.empty()) return {};
  OwnCache own{.records = TRY(site.cache.records_of(hold))};
  for (const PlatformImage& image : built) {
    own.mounts.insert(image.cache_mounts.begin(), image.cache_mounts.end());
    for (const oci::Descriptor& layer : image.layers) own.layers.insert(layer.digest);
  }
  for (const CachePlace& place : request.cache_to) {
    const std::string what =
        cat("exporting cache to ", place.reference ? "registry" : "client directory");
    events.send(CacheMoved{.what = what});
    const auto told = [&](std::string part) {
      events.send(CacheMoved{.what = what, .part = std::move(part)});
    };
    auto done = export_cache(site, request, place, own, told, cancel);
    const std::string failure = done ? "" : without_controls(done.error().message());
    events.send(CacheMoved{.what = what, .over = true, .error = failure});
    TRY(cancel.check());
    if (!done && !place.ignore_error) return done;
    if (!done) events.send(BuildWarning{failure, 0});
  }
  return {};
}

}  // namespace skiff::builder
