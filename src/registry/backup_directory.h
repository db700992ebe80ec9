// What a backup's directory holds (docs/formats/backup.md), for who makes and who restores it.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "content/layout.h"
#include "db/database.h"

namespace skiff::registry::backup {

inline constexpr const char* kUnfinished = "unfinished";
inline constexpr const char* kDescription = "backup.json";

// A file of a snapshot: a database, or another that stood in the root.
struct SnapshotFile {
  std::string name;
  mode_t mode = 0;
  uint64_t size = 0;
  std::string digest;
};

// backup.json.
struct Description {
  std::string created;
  std::string version;   // of the program
  std::string registry;  // registry_id.h; "": of before there were ids
  uint64_t blobs = 0;
  uint64_t bytes = 0;
  uint64_t elsewhere = 0;  // blobs in an S3 store
  std::vector<SnapshotFile> files;
  std::vector<std::string> damaged;

  std::string text() const;
  static Result<Description> parse(const std::string& text);
};

// Blobs by digest: the same tree as a content store's.
inline Path blob_file(const Path& directory, const oci::Digest& digest) {
  return content::Layout(directory).blob(digest);
}

// "snapshot-000001" and on, the oldest first.
Result<std::vector<std::string>> snapshots(const Path& directory);

// Visits the blobs of a snapshot's, or root's, registry.db that are stored in files.
Result<> each_blob(Database& registry,
                   const std::function<Result<>(const oci::Digest&, uint64_t size)>& visit);

// What a file holds on the disk, by SHA-256.
Result<std::string> file_digest(const Path& file);

// All that was written to its file system is on the disk.
Result<> sync_all(const Path& directory);

}  // namespace skiff::registry::backup
