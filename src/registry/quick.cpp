#include "registry/quick.h"

#include "base/strings.h"

namespace skiff::registry {

bool is_quick(const net::Request& request) {
  if (request.method != "GET" && request.method != "HEAD") return false;
  const std::string authorization = to_lower(request.headers.get("Authorization").substr(0, 6));
  if (authorization == "basic ") return false;
  if (request.path == "/v2/" || request.path == "/healthz") return true;
  // A repository's name may hold the word, too: what counts stands before the reference.
  const auto parts = split_last(request.path, '/');
  return parts && parts->first.ends_with("/manifests");
}

}  // namespace skiff::registry
