// ArchiveContents: an image archive, taken apart. What stands under blobs/ goes straight into
// the content store, verified against the digest of its name; everything else into numbered
// scratch files: no name of the archive ever becomes a name on disk, and its links lead to
// other files of the archive only. One thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>

#include "codec/tar.h"
#include "images/parts.h"

namespace skiff::images {

class ArchiveContents {
 public:
  ArchiveContents(Parts& parts, content::Lease& lease)
      : parts_(parts), lease_(lease), scratch_room_(parts.limit.room()) {}

  // Reads `tar` to its very end.
  Result<> read(Source& tar, const CancelToken& cancel);

  // A small file, whole; nullopt where the archive has none of that name.
  Result<std::optional<std::string>> document(std::string_view path) const;
  // A file, or what the links at its place lead to; kInvalidArgument where there is none.
  Result<std::unique_ptr<Source>> open(const std::string& path) const;

 private:
  struct Link {
    std::string to;
  };
  using File = std::variant<oci::Digest, Path, Link>;

  Result<> add(const TarEntry& entry, Source& body);
  Result<> add_blob(const std::string& path, const oci::Digest& digest, uint64_t size,
                    Source& body);
  Result<> add_scratch(const std::string& path, uint64_t size, Source& body);
  const File* find(std::string path) const;

  Parts& parts_;
  content::Lease& lease_;
  StorageLimit::Room scratch_room_;
  std::optional<TempDir> scratch_;
  std::map<std::string, File> files_;  // by normalised path
};

}  // namespace skiff::images
