// RecordedStore: a content store whose owner keeps a durable record of its own of each blob and
// ingest, as a registry does.
//
// So it opens without looking at its blobs: that takes as long for a million as for none. The owner
//   - notes a blob durably before commit() or link_from() of it, and before remove() of it, and
//     notes what came of it. After a crash it calls remove() for each that it finds in between:
//     that takes away whatever there is of it;
//   - hands back what it noted of an ingest to go on with it:
//       auto upload = TRY(store.resume("upload-1", HashAlgorithm::kSha256, state));
//       TRY(upload->write(bytes)) ...
//       state = TRY(upload->settle());     // to be noted; then it may be told to others
//   - notes which blob an ingest is to become before it commits it, and after a crash asks
//     finish_commit() of such, before it calls remove(): what was told of the ingest is never lost;
//   - calls abort_others() when it opened the store, to drop the ingests that it knows nothing of.
// Thread-safe, as ContentStore is; an ingest is not.
#pragma once

#include "content/content_store.h"
#include "content/ingest_state.h"

namespace skiff::content {

class DurableIngest : public Ingest {
 public:
  // All that was written so far survives a power cut. Where that fails, and where a write finds
  // the disk full, the ingest goes back to what settled last.
  virtual Result<IngestState> settle() = 0;
};

class RecordedStore : public ContentStore {
 public:
  // As ingest(); nothing of what `from` vouches for is read again. Where the file holds less than
  // that, it begins with what is there.
  virtual Result<std::unique_ptr<DurableIngest>> resume(const std::string& reference,
                                                        HashAlgorithm algorithm,
                                                        const IngestState& from) = 0;
  // Whether a commit that a crash broke off had made the ingest the blob: it is one then, and
  // durable. False where the ingest is still there, or neither is.
  virtual Result<bool> finish_commit(const std::string& reference, const oci::Digest& blob) = 0;
  // Removes the ingests without those of `references`. Before any is opened.
  virtual Result<> abort_others(const std::set<std::string>& references) = 0;
};

// Opens the store under `root`, creating it where missing; kUnavailable while another store has it
// open. Nothing is reconciled: see above.
Result<std::unique_ptr<RecordedStore>> open_recorded_store(
    const Path& root, DurableFiles& files = DurableFiles::system(),
    const Clock& clock = Clock::system());

}  // namespace skiff::content
