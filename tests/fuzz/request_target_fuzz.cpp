// Any bytes as a request's target and Host: refused, or a path of the server.
#include <cstdlib>
#include <string_view>

#include "net/request_target.h"

extern "C" int LLVMFuzzerTestOneInput(const char* data, size_t size) {
  const std::string_view bytes(data, size);
  for (const std::string_view method : {"GET", "OPTIONS"}) {
    const auto path = skiff::net::origin_form(method, bytes);
    if (!path) continue;
    const bool is_server = *path == "*" && method == "OPTIONS";
    if (!is_server && !path->starts_with('/')) std::abort();
    // What is a path already stays as it is.
    if (bytes.starts_with('/') && *path != bytes) std::abort();
  }
  if (skiff::net::is_host(bytes) &&
      bytes.find_first_of(std::string_view("\r\n \t\0,@", 7)) != std::string_view::npos) {
    std::abort();
  }
  return 0;
}
