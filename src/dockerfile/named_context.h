// Named contexts: what the names of a build mean, instead of stages and images of those names.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "oci/platform.h"

namespace skiff::dockerfile {

// By "name" or "name::platform", as normal_context_name() gives them: the image to find, or ""
// where the context is files.
using NamedContexts = std::map<std::string, std::string>;

// "docker.io/library/alpine:latest" and "alpine" are the same name; so are "a::arm64" and
// "a::linux/arm64". Names are those of images: others are refused.
Result<std::string> normal_context_name(std::string_view name);

// The key of the context that `name` means on a platform: the one for that platform before the one
// for all.
std::optional<std::string> find_context(const NamedContexts& contexts, const std::string& name,
                                        const oci::Platform& platform);

}  // namespace skiff::dockerfile
