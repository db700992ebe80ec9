// Authorization fields, and the scopes that clients ask for: any bytes are understood or refused.
#include <cstdlib>

#include "registry/credentials.h"
#include "registry/token_scope.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)skiff::registry::parse_credentials(text);
  const auto scope = skiff::registry::parse_scope(text);
  if (!scope) return 0;
  // What was understood reads back as the same.
  const auto again = skiff::registry::parse_scope(skiff::registry::scope_text(*scope));
  const bool same = again && again->repository == scope->repository && again->pull == scope->pull &&
                    again->push == scope->push && again->remove == scope->remove;
  if (!same) std::abort();
  return 0;
}
