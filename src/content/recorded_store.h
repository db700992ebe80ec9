// RecordedStore: a content store whose owner keeps a durable record of its own of each blob and
// ingest, as a registry does.
//
// So it opens without looking at its blobs: that takes as long for a million as for none. The owner
//   - notes a blob durably before commit() or link_from() of it, and before remove_all() of it, and
//     notes what came of it. After a crash it calls remove_all() for those that it finds in
//     between: that takes away whatever there is of them;
//   - hands back what it noted of an ingest to go on with it:
//       auto upload = TRY(store.resume("upload-1", HashAlgorithm::kSha256, state));
//       TRY(upload->write(bytes)) ...
//       state = TRY(upload->settle());     // to be noted; then it may be told to others
//   - notes which blob an ingest is to become before it commits it, and after a crash asks
//     finish_commit() of such, before it removes anything: what was told of the ingest is never
//     lost;
//   - calls abort_others() when it opened the store, to drop the ingests that it knows nothing of.
// Thread-safe, as ContentStore is; an ingest is not.
#pragma once

#include <span>
#include <vector>

#include "content/content_store.h"
#include "content/ingest_state.h"

namespace skiff::content {

class DurableIngest : public Ingest {
 public:
  // All that was written so far survives a power cut. Where that fails, and where a write finds
  // the disk full, the ingest goes back to what settled last.
  virtual Result<IngestState> settle() = 0;
  // So many bytes are about to come. Of many, the last few mebibytes that did not settle may be
  // lost with the process.
  virtual void expect(uint64_t bytes) = 0;
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
  // As remove() of each, and the outcome of each: of one that is not there success. All at once is
  // far cheaper, and one that fails holds up no other. A power cut may take it back.
  virtual std::vector<Result<>> remove_all(std::span<const oci::Digest> blobs) = 0;
  // What was removed of these stays so after a power cut; only then may the owner forget them. The
  // same for a thousand as for ten thousand.
  virtual Result<> sync_removed(std::span<const oci::Digest> blobs) = 0;
  // Removes the ingests without those of `references`. Before any is opened.
  virtual Result<> abort_others(const std::set<std::string>& references) = 0;
};

// Opens the store under `root`, creating it where missing; kUnavailable while another store has it
// open. Nothing is reconciled: see above.
Result<std::unique_ptr<RecordedStore>> open_recorded_store(
    const Path& root, DurableFiles& files = DurableFiles::system(),
    const Clock& clock = Clock::system());

}  // namespace skiff::content
