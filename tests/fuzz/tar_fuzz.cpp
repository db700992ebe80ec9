// Any bytes as a tar: entries or an error, in bounded memory. Bodies are read up to 16 MiB in
// all, since a sparse entry may claim exabytes of zeros.
#include "codec/tar.h"

extern "C" int LLVMFuzzerTestOneInput(const char* data, size_t size) {
  skiff::StringSource source({data, size});
  skiff::TarReader tar(source);
  char buffer[4096];
  size_t budget = size_t{16} << 20U;
  while (true) {
    auto entry = tar.next();
    if (!entry || *entry == nullptr) return 0;
    while (budget > sizeof buffer) {
      auto n = tar.body().read(buffer);
      if (!n) return 0;
      if (*n == 0) break;
      budget -= *n;
    }
    if (budget <= sizeof buffer) return 0;
  }
}
