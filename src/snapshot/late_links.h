// Hard links that came before their targets, by the place of the name they are to be. The files of
// an archive may come in any order; such a link is made once all others are there, unless a later
// entry has its name by then. A link to such a link is none of these: its target must be there.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/strings.h"

namespace skiff::snapshot {

struct LateLink {
  size_t order = 0;    // in the archive
  std::string entry;   // its name there
  std::string target;  // as it stands there
};

// Of a hard link that cannot be made: `why` tells what the system said.
inline Error no_target(const std::string& target, const Error& why) {
  return Error(Code::kInvalidArgument, cat("hard link to ", quoted(target),
                                           ", which is no file of this layer: ", why.message()));
}

template <typename Place>
using LateLinks = std::map<Place, LateLink>;

// Calls `make` (Result<>) with each place and link, in the archive's order.
template <typename Place, typename Make>
Result<> make_late_links(const LateLinks<Place>& links, const Make& make) {
  std::vector<typename LateLinks<Place>::const_pointer> sorted;
  for (const auto& link : links) sorted.push_back(&link);
  std::ranges::sort(sorted, {}, [](const auto* link) { return link->second.order; });
  for (const auto* link : sorted) {
    TRY_CONTEXT(make(link->first, link->second), cat("layer entry ", quoted(link->second.entry)));
  }
  return {};
}

}  // namespace skiff::snapshot
