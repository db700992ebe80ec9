// Scrub of blobs that have places, as in an S3 store: reads them again in the order of their
// digests, no faster than asked, and notes those whose content is another: nobody gets them any
// more, and the next push brings them back. One of several servers does it at a time; how far it
// came lies with its claim, so whoever is next goes on there.
#pragma once

#include "content/scrub.h"
#include "registry/blobs.h"
#include "registry/metadata.h"

namespace skiff::registry {

struct PlaceScrub {
  Blobs& blobs;
  MetadataStore& metadata;
  std::string server;
  const Clock& clock;
};

// Ends what was begun, and begins anew where that was begun before `unread_since`. Nothing where
// another server is at it.
Result<content::ScrubTotals> scrub_places(const PlaceScrub& with,
                                          const content::ScrubOptions& options,
                                          const std::function<void(const Error&)>& damaged,
                                          const CancelToken& cancel);

}  // namespace skiff::registry
