// Removing what is not used: what `prune` of each kind and `system prune` share.
#pragma once

#include <string>
#include <vector>

#include "cli/session.h"

namespace skiff::cli {

struct Pruned {
  std::string deleted;  // "Deleted Volumes:\na\nb\n", or ""
  int64_t bytes = 0;
  // What is printed: the list, and the space won.
  std::string report() const;
};

using FilterList = std::vector<std::string>;  // "until=24h", "label=x"

Result<Pruned> prune_containers(Session& session, const FilterList& filters);
Result<Pruned> prune_networks(Session& session, const FilterList& filters);
Result<Pruned> prune_volumes(Session& session, const FilterList& filters);
Result<Pruned> prune_images(Session& session, FilterList filters, bool all);
Result<Pruned> prune_build_cache(Session& session, const FilterList& filters, bool all,
                                 const net::Query& sizes = {});

}  // namespace skiff::cli
