// Where a build's cache comes from and goes to, as Skiff's own clients say it.
#pragma once

#include <memory>
#include <vector>

#include "api/router.h"

namespace skiff::api {

// X-Skiff-Cache: base64 of {"from": [...], "to": [...]} of {"ref": NAME} or {"directory": NAME,
// "tag": TAG}, both with "mounts": true where cache mounts travel, too. In "to" also {"inline":
// true}; "min": true, "ignoreError": true, and "compress" with the words of codec/compress_words.h.
// Directories are shared ones, and stay open as long as what is returned.
Result<std::vector<std::shared_ptr<const UniqueFd>>> decode_cache_places(
    const Call& call, builder::BuildRequest& request);

}  // namespace skiff::api
