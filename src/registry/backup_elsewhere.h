// What a root keeps elsewhere, in a database server and an S3 store, brought into a backup's files
// and out of them again.
#pragma once

#include <functional>
#include <vector>

#include "db/root_database.h"
#include "registry/blobs.h"

namespace skiff::registry::backup {

// registry.db and, where there are accounts, access.db of what the server has: each is of one
// moment.
Result<> save_tables(const DatabaseServer& server, const Path& directory);
// The other way round; the files go. kFailedPrecondition where the server has rows of a registry.
Result<> move_tables(const Path& directory, const DatabaseName& to);

// Visits the stored blobs that have a place of their own.
struct Placed {
  oci::Digest digest;
  BlobPlace at;
  bool damaged = false;
};
Result<> each_placed_blob(Database& registry, const std::function<Result<>(const Placed&)>& visit);
// From now on the records say that blobs are in files.
Result<> note_all_in_files(Database& registry);

// `to` is the blob then. kDataLoss and kNotFound where it is not whole there.
Result<> fetch_blob(Blobs& from, const Placed& blob, const Path& to);

// The blobs of a restore on their way into a store.
class BlobsOut {
 public:
  explicit BlobsOut(Blobs& to) : to_(to) {}
  // kDataLoss where the file is not the blob.
  Result<BlobPlace> put(const Path& file, const oci::Digest& digest);
  // What was put goes again, and what there is of one that failed.
  void take_back();

 private:
  // `noted`: what there is of the upload.
  Result<BlobPlace> send(const Path& file, const oci::Digest& digest, const std::string& id,
                         UploadState& noted);

  Blobs& to_;
  std::vector<std::string> places_;
};

}  // namespace skiff::registry::backup
