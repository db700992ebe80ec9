// ListCache: the tags of other registries' repositories, and what is about their manifests, as
// they are asked for: remembered for a moment, and longer where the registry cannot be asked.
#pragma once

#include <mutex>

#include "registry/call.h"
#include "upstream/flights.h"
#include "upstream/origin.h"

namespace skiff::upstream {

class ListCache {
 public:
  explicit ListCache(const Clock& clock) : clock_(clock) {}

  // As ManifestCache; where nothing is to be had, the registry tells what it has itself.
  registry::Answer<bool> tags(Origin& origin, registry::Call& call);
  registry::Answer<bool> referrers(Origin& origin, registry::Call& call);

 private:
  struct List {
    std::vector<std::string> tags;
    std::vector<registry::Referrer> referrers;
    TimePoint at;
  };
  using Fetch = std::function<Result<List>(const CancelToken&)>;
  using Flight = Landing<Result<List>>;

  // nullopt where it is not to be had now.
  registry::Answer<std::optional<List>> get(Origin& origin, registry::Call& call,
                                            const std::string& key, Fetch fetch);
  std::optional<List> known(const std::string& key);
  void keep(const std::string& key, const List& list);

  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, List> lists_;
  Flights<Flight> flights_;  // last: they use the others
};

}  // namespace skiff::upstream
