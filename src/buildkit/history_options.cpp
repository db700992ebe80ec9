// What of a build's options is kept in its history.
#include <algorithm>
#include <array>

#include "base/strings.h"
#include "buildkit/frontend_options.h"
#include "buildkit/history.h"
#include "net/url.h"

namespace skiff::buildkit {

namespace {

constexpr std::string_view kArgument = "build-arg:";

// Arguments that are settings of the build.
bool is_setting(std::string_view argument) {
  return argument == "SOURCE_DATE_EPOCH" || argument.starts_with("BUILDKIT_");
}

// What tells how a client works, not what it wants: "frontend.caps", "local-sessionid:context".
bool is_asked_for(std::string_view name) {
  constexpr auto kPrefixes =
      std::to_array<std::string_view>({kArgument, "label:", "attest:", "context:", "vcs:"});
  constexpr auto kNames = std::to_array<std::string_view>(
      {"add-hosts", "cgroup-parent", "context", "filename", "force-network-mode",
       "image-resolve-mode", "no-cache", "platform", "shm-size", "source", "target", "ulimit"});
  return std::ranges::find(kNames, name) != kNames.end() ||
         std::ranges::any_of(kPrefixes, [&](std::string_view p) { return name.starts_with(p); });
}

}  // namespace

std::map<std::string, std::string> recorded_options(
    const std::map<std::string, std::string>& options) {
  const auto decoded = decode_frontend_options(options);
  const bool tells_arguments = decoded && decoded->request.attestations.provenance_args;
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : options) {
    if (!is_asked_for(name)) continue;
    const bool is_argument = name.starts_with(kArgument);
    const bool hidden =
        is_argument && !tells_arguments && !is_setting(name.substr(kArgument.size()));
    out[name] = hidden ? "" : net::without_login(value);
  }
  return out;
}

}  // namespace skiff::buildkit
