// Any bytes as a bundle's config.json: read or refused.
#include <cstdlib>

#include "runtime/oci_config.h"

extern "C" int LLVMFuzzerTestOneInput(const char* data, size_t size) {
  auto value = skiff::json::parse({data, size});
  if (!value) return 0;
  if (auto config = skiff::runtime::parse_config(*value, "/bundle")) {
    if (!config->root.is_absolute()) std::abort();
  }
  (void)skiff::runtime::parse_process(*value);
  return 0;
}
