#include "remote/near_registry.h"

#include "base/strings.h"
#include "net/url.h"

namespace skiff::remote {

bool NearRegistry::is_at(std::string_view host) const {
  if (host == address) return true;
  const auto here = split_last(address, ':');
  const auto there = split_last(host, ':');
  if (!here || !there || here->second != there->second) return false;
  const bool is_everywhere = here->first == "0.0.0.0" || here->first == "[::]";
  return net::is_loopback(host) && (is_everywhere || net::is_loopback(address));
}

}  // namespace skiff::remote
