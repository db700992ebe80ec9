#include "buildkit/client_caches.h"

#include "base/strings.h"

namespace skiff::buildkit {

namespace {

Result<builder::CachePlace> place_of(const ServiceSpec& cache) {
  if (cache.type != "registry") {
    return Error(Code::kUnimplemented,
                 cat("caches of type ", quoted(cache.type), " are not served: type=registry is"));
  }
  const auto ref = cache.attrs.find("ref");
  if (ref == cache.attrs.end()) {
    return Error(Code::kInvalidArgument, "a cache of type registry needs a ref");
  }
  builder::CachePlace out;
  out.reference = TRY_CONTEXT(oci::Reference::parse(ref->second), "cache").with_default_tag();
  return out;
}

}  // namespace

Result<> add_caches(const BuildOrder& order, builder::BuildRequest& request) {
  for (const ServiceSpec& cache : order.cache_imports) {
    request.cache_from.push_back(TRY(place_of(cache)));
  }
  for (const ServiceSpec& cache : order.cache_exports) {
    request.cache_to.push_back(TRY(place_of(cache)));
  }
  return {};
}

}  // namespace skiff::buildkit
