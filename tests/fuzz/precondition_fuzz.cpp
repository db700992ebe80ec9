// If-Match and If-None-Match of a client: read or refused; "*" is never part of a list.
#include <cstdlib>

#include "registry/precondition.h"

extern "C" int LLVMFuzzerTestOneInput(const char* data, size_t size) {
  using namespace skiff::registry;
  const auto tags = parse_entity_tags({data, size});
  if (!tags) return 0;
  const bool listed = !tags->strong.empty() || !tags->weak.empty();
  if (tags->any == listed) std::abort();
  for (const std::string& tag : tags->strong) {
    if (!Precondition{.match = tags}.holds(tag)) std::abort();
  }
  for (const std::string& tag : tags->weak) {
    if (Precondition{.none_match = tags}.holds(tag)) std::abort();
  }
  return 0;
}
