// Extension: something that a registry serves beside the distribution API, as /metrics or a REST
// API of its own. Its requests are answered, refused and observed as all others are.
//
//   options.extensions.push_back({"/api/v1", "api", [](Call& call) -> Answer<> {
//     if (call.viewer.kind == Viewer::Kind::kAnonymous) return Refusal(kDenied, "log in");
//     return call.reply_json(json::object({{"repositories", 3}}));
//   }});
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "registry/refusal.h"

namespace skiff::registry {

struct Call;

struct Extension {
  std::string prefix;     // that path, and all below it; of several that fit the first counts
  std::string_view kind;  // the endpoint's name for observers; a literal
  // Judges itself who may, and which methods there are. Thread-safe.
  std::function<Answer<>(Call&)> handler;
  // Whether the call has its viewer, and wrong credentials are answered 401 before it is handled;
  // else nobody is asked who it is.
  bool identifies = true;
};

// Whether the path is the prefix or below it.
inline bool is_below(std::string_view path, std::string_view prefix) {
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

}  // namespace skiff::registry
