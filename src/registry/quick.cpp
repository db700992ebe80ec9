#include "registry/quick.h"

#include "base/strings.h"

namespace skiff::registry {

namespace {

bool is_quick_target(const std::string& path) {
  if (path == "/v2/" || path == "/healthz") return true;
  // A repository's name may hold the word, too: what counts stands before the reference.
  const auto parts = split_last(path, '/');
  return parts && parts->first.ends_with("/manifests");
}

}  // namespace

bool is_quick(const net::Request& request, Authorizer& access) {
  if (request.method != "GET" && request.method != "HEAD") return false;
  return is_quick_target(request.path) && access.knows(request.headers.get("Authorization"));
}

}  // namespace skiff::registry
