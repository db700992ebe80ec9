// --cache-from and --cache-to of build.
#pragma once

#include <string>
#include <vector>

#include "cli/shared_directory.h"

namespace skiff::cli {

struct CachePlaces {
  std::string header;                        // X-Skiff-Cache, or ""
  std::vector<SharedDirectory> directories;  // shared until the build is over
};

// "NAME", "type=registry,ref=NAME", "type=local,src=DIR" (of --cache-to: dest=DIR, which is made),
// both with "tag=NAME" and "mounts=all"; of --cache-to also "type=inline",
// "mode=min", "ignore-error=true" and how layers are compressed (codec/compress_words.h).
Result<CachePlaces> cache_places(Session& session, const Flags& flags);

}  // namespace skiff::cli
