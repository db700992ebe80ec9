// Any bytes as an image's config: its canonical bytes are parsed to the same, or an error.
#include <cstdlib>

#include "oci/image_config.h"

extern "C" int LLVMFuzzerTestOneInput(const char* data, size_t size) {
  auto config = skiff::oci::ImageConfig::parse({data, size});
  if (!config) return 0;
  const std::string canonical = config->serialize();
  auto again = skiff::oci::ImageConfig::parse(canonical);
  if (!again || again->serialize() != canonical) std::abort();
  return 0;
}
