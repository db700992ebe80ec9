// A reference that parses prints as one that parses to the same.
#include <cstdlib>

#include "oci/reference.h"

extern "C" int LLVMFuzzerTestOneInput(const char* data, size_t size) {
  auto parsed = skiff::oci::Reference::parse({data, size});
  if (!parsed) return 0;
  auto again = skiff::oci::Reference::parse(parsed->str());
  if (!again || *again != *parsed) std::abort();
  return 0;
}
