// Any bytes as WWW-Authenticate: schemes and parameters in lower case, in bounded number.
#include <cstdlib>

#include "base/strings.h"
#include "remote/challenge.h"

extern "C" int LLVMFuzzerTestOneInput(const char* data, size_t size) {
  for (const auto& challenge : skiff::remote::parse_challenges({std::string(data, size)})) {
    if (challenge.scheme.empty() || skiff::to_lower(challenge.scheme) != challenge.scheme)
      std::abort();
    for (const auto& [name, value] : challenge.parameters) {
      if (name.empty() || skiff::to_lower(name) != name || value.size() > size) std::abort();
    }
  }
  return 0;
}
