// Any bytes as the records of a cache that comes from elsewhere, and as what an image tells of its
// own steps: records, which come back from what is written of them, or an error.
#include <cstdlib>

#include "solver/portable_records.h"
#include "solver/predecessors.h"

namespace {

using namespace skiff;

void check_inline(std::string_view text) {
  const auto value = json::parse(text);
  if (!value) return;
  const std::vector<oci::Digest> layers{oci::Digest::of("layer")};
  const std::vector<oci::Descriptor> blobs{oci::Descriptor{}};
  const auto records = solver::decode_inline(*value, layers, blobs);
  if (records) (void)solver::encode_inline(*records, layers, std::nullopt);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const char* data, size_t size) {
  const std::string_view text(data, size);
  check_inline(text);
  const auto cache = solver::decode_cache(text);
  if (!cache) return 0;
  const std::string written = solver::encode_cache(*cache);
  const auto again = solver::decode_cache(written);
  if (!again || solver::encode_cache(*again) != written) std::abort();
  solver::ImportedRecords imported;
  imported.add(cache->records, {});
  for (const solver::NewRecord& record : cache->records) {
    if (imported.find(record.keys.front()) == nullptr) std::abort();
    (void)imported.similar(record.identity, record.parent);
  }
  return 0;
}
