// Manifests and indexes from a registry: parsed or refused, bytes kept.
#include <cstdlib>

#include "oci/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const char* data, size_t size) {
  using namespace skiff::oci;
  const std::string_view bytes(data, size);
  auto manifest = Manifest::parse(bytes);
  auto index = Index::parse(bytes);
  if (manifest && index) std::abort();
  if (manifest && (manifest->raw != bytes || !is_manifest_type(manifest->media_type))) std::abort();
  if (index) {
    if (index->raw != bytes || !is_index_type(index->media_type)) std::abort();
    (void)index->choose(Platform::host());
  }
  return 0;
}
