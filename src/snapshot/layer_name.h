// What the names in a layer's tar mean (OCI image-spec, layer.md), the same for every back end.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>

#include "base/result.h"
#include "codec/tar.h"

namespace skiff::snapshot {

// An entry's name, taken apart: "a/b/c" has parent "a/b" and base "c"; the root has neither.
struct LayerName {
  enum class Kind {
    kEntry,
    kWhiteout,  // "a/.wh.c": base is "c"
    kOpaque,    // "a/.wh..wh..opq": parent is the directory, base is empty
    kIgnored,   // other names of AUFS
  };
  Kind kind = Kind::kEntry;
  std::string parent;
  std::string base;

  std::string path() const;
};

// A leading '/' means nothing, as to docker and GNU tar: "/a" is "a" of the layer.
// Refused (kInvalidArgument): "..", NUL bytes, 4096 bytes and more, names beneath a
// whiteout, whiteouts of nothing.
Result<LayerName> parse_layer_name(const std::string& name);

// A hard link's target: as an entry's name, but whiteouts and AUFS have no meaning there.
Result<LayerName> parse_link_target(const std::string& target);

// Refused where the numbers cannot be an owner.
Result<std::pair<uid_t, gid_t>> layer_owner(const TarEntry& entry);

}  // namespace skiff::snapshot
