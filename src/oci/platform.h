// Platform: OS, architecture and variant (OCI image-spec, image-index.md), its
// normalisation and the order in which candidates match, as containerd's platforms
// package has them ("linux/arm64/v8" is "linux/arm64"; a host of arm/v7 also runs v6, v5).
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/json.h"

namespace skiff::oci {

struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;
  std::string os_version;

  // "os/arch[/variant]", "arch[/variant]" or "os"; what is missing comes from the host.
  static Result<Platform> parse(std::string_view text);
  static Platform from_json(const json::Value& v);  // not yet normalised
  // What this machine runs natively.
  static Platform host();

  // Canonical names: x86_64 -> amd64, aarch64 -> arm64, arm64/v8 -> arm64, armhf -> arm/v7...
  Platform normalized() const;
  json::Value to_json() const;
  std::string str() const;  // "linux/arm/v7"
  auto operator<=>(const Platform&) const = default;
};

// How well `candidate` serves `wanted`: 0 is exact, larger is worse, nullopt not at all.
std::optional<int> match_rank(const Platform& wanted, const Platform& candidate);

}  // namespace skiff::oci
