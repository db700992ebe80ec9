// What a root keeps elsewhere, in a database server and an S3 store, brought into a backup's files
// and out of them again.
#pragma once

#include <functional>
#include <set>
#include <vector>

#include "base/unique_fd.h"
#include "db/root_database.h"
#include "registry/blobs.h"

namespace skiff::registry::backup {

// registry.db and, where there are accounts, access.db of what the server has: each is of one
// moment.
Result<> save_tables(const DatabaseServer& server, const Path& directory);
// The other way round; the files go, and what says that they were there. kFailedPrecondition where
// the server has rows of a registry.
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

// The blobs of a restore on their way into a store. What there will be of them is noted in a file
// first, a line each: by it the next restore takes away what one that was killed has put there.
class BlobsOut {
 public:
  // Goes on behind what is in the file.
  static Result<BlobsOut> open(Blobs& to, const Path& notes);
  // kDataLoss where the file is not the blob.
  Result<BlobPlace> put(const Path& file, const oci::Digest& digest);
  // What was put goes again, and what there is of one that failed.
  void take_back();

 private:
  BlobsOut(Blobs& to, UniqueFd notes) : to_(&to), notes_(std::move(notes)) {}
  Result<> note(const std::string& id, const UploadState& state);

  Blobs* to_;
  UniqueFd notes_;
  std::set<std::string> places_;  // that are noted
};

// Takes away what is at the places; what stays is told in the log.
void discard_places(Blobs& from, const std::vector<std::string>& places);

}  // namespace skiff::registry::backup
