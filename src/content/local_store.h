// The local content store: files under ROOT/blobs, rows in content.db.
//
// Order of a commit: bytes -> fsync -> rename -> fsync of the directory -> row. Order of a
// removal: row -> unlink, of a large file in the background. So a crash can leave a file without a
// row, never an acknowledged row without its file.
//
// Order of what is found damaged: row -> rename into quarantine. What a crash leaves under its name
// is refused all the same, and moved by the next who looks at it.
#pragma once

#include <sys/stat.h>

#include <mutex>
#include <unordered_set>

#include "base/trash.h"
#include "content/blob_table.h"
#include "content/ingest_file.h"
#include "content/layout.h"
#include "content/lease_table.h"
#include "content/quarantine.h"
#include "content/recorded_store.h"
#include "content/root_lock.h"
#include "db/file_watch.h"

namespace skiff::content {

// The files of ingests that are open. Shared with the ingests, which may outlive the store.
class OpenIngests {
 public:
  bool add(const Path& file) {
    std::lock_guard lock(mutex_);
    return set_.insert(file.native()).second;
  }
  void remove(const Path& file) {
    std::lock_guard lock(mutex_);
    set_.erase(file.native());
  }
  bool has(const Path& file) {
    std::lock_guard lock(mutex_);
    return set_.contains(file.native());
  }

 private:
  std::mutex mutex_;
  std::unordered_set<std::string> set_;
};

class LocalStore : public RecordedStore {
 public:
  LocalStore(RootLock lock, Layout layout, BlobTable table, std::unique_ptr<Trash> trash,
             DurableFiles& files, const Clock& clock)
      : lock_(std::move(lock)),
        layout_(std::move(layout)),
        table_(std::move(table)),
        trash_(std::move(trash)),
        quarantine_(layout_.quarantine()),
        files_(files),
        clock_(clock) {}

  Result<BlobInfo> info(const oci::Digest& digest) override;
  Result<std::unique_ptr<BlobReader>> open(const oci::Digest& digest) override;
  Result<std::unique_ptr<Ingest>> ingest(const std::string& reference,
                                         HashAlgorithm algorithm) override;
  Result<std::unique_ptr<DurableIngest>> resume(const std::string& reference,
                                                HashAlgorithm algorithm,
                                                const IngestState& from) override;
  Result<bool> finish_commit(const std::string& reference, const oci::Digest& blob) override;
  // In local_store_removal.cpp.
  std::vector<Result<>> remove_all(std::span<const oci::Digest> blobs) override;
  Result<> sync_removed(std::span<const oci::Digest> blobs) override;
  Result<> abort_others(const std::set<std::string>& references) override;
  Result<BlobInfo> commit(Ingest& ingest, const oci::Digest& expected, Lease* lease) override;
  // In local_store_link.cpp.
  Result<BlobInfo> link_from(ContentStore& other, const oci::Digest& digest) override;
  Result<BlobInfo> link_file(const Path& file, const oci::Digest& digest, Lease* lease) override;
  Result<> abort(const std::string& reference) override;
  Result<uint64_t> abort_idle() override;
  Result<uint64_t> idle_bytes(const std::set<std::string>& without) override;
  // In local_store_check.cpp.
  Result<> verify(const oci::Digest& digest, const VerifyOptions& options,
                  const CancelToken& cancel) override;
  Result<> check(const CheckOptions& options, const ProblemSink& report,
                 const CancelToken& cancel) override;
  Result<> remove(const oci::Digest& digest) override;
  void settle() override { trash_->settle(); }
  Result<> walk(const std::function<Result<>(const BlobInfo&)>& visit) override;
  Result<std::unique_ptr<Lease>> lease() override { return leases_->make_lease(); }
  Result<uint64_t> collectable(const std::set<oci::Digest>& keep) override;
  Result<uint64_t> collect(const std::set<oci::Digest>& keep, std::chrono::seconds grace) override;
  Result<uint64_t> collect_among(const std::set<oci::Digest>& unneeded) override;

 private:
  Result<std::unique_ptr<IngestFile>> open_ingest(const std::string& reference,
                                                  HashAlgorithm algorithm, const IngestState& from);
  Result<uint64_t> abort_without(const std::set<std::string>& references);
  Result<> check_digest(IngestFile& ingest, const oci::Digest& expected);
  Result<BlobInfo> renew(IngestFile& ingest, BlobInfo existing);
  Result<BlobInfo> publish(IngestFile& ingest, const oci::Digest& expected);
  Result<BlobInfo> share(LocalStore& source, const oci::Digest& digest);
  Result<BlobInfo> add_link(const Path& from, const BlobInfo& blob);
  Result<BlobInfo> renew(BlobInfo existing);
  Result<> make_shelf(const oci::Digest& digest);
  std::vector<Result<>> remove_some(std::span<const oci::Digest> blobs);
  Result<uint64_t> sweep(const std::vector<BlobInfo>& candidates);
  // Removes the file of a blob whose row is gone, also from quarantine; one that is lost is gone
  // already.
  Result<> remove_file(const BlobInfo& blob);
  // What is seen of a blob without reading it: "" where nothing is wrong.
  std::string visible_fault(const BlobInfo& blob) const;
  static std::string visible_fault(const BlobInfo& blob, const struct stat& st);

  struct Checkup;
  Result<std::string> find_fault(const oci::Digest& digest, const VerifyOptions& options,
                                 const CancelToken& cancel);
  Result<std::string> examine(BlobInfo& blob, const VerifyOptions& options,
                              const CancelToken& cancel);
  // Sets the file of a blob aside where its row says that it is damaged; with pairing_ held.
  void set_aside(const BlobInfo& blob, const std::string& fault);
  // Where its file lies, in quarantine or not.
  Path place_of(const oci::Digest& digest) const;
  // Where a look at the file is enough: the row remembers the damage, and the file goes aside.
  Result<> remember_damage(const BlobInfo& seen);
  Result<> check_blob(const oci::Digest& digest, const Checkup& checkup);
  Result<> check_blob_file(const Path& file, const Checkup& checkup);
  Result<> check_quarantined_file(const Path& file, const Checkup& checkup);
  Result<> check_ingest_file(const Path& file, const Checkup& checkup);
  Result<> remove_damaged(const oci::Digest& digest, const CheckOptions& options, Problem& problem);

  RootLock lock_;
  Layout layout_;
  BlobTable table_;
  // Of table_: what is found in lost records is not noted, and no file goes aside or away for it.
  const FileWatch records_{layout_.database()};
  std::unique_ptr<Trash> trash_;
  Quarantine quarantine_;  // used under pairing_
  DurableFiles& files_;
  const Clock& clock_;
  // Guards the pairing of files and rows: held from rename to row, and from row to unlink.
  std::mutex pairing_;
  std::shared_ptr<OpenIngests> open_ingests_ = std::make_shared<OpenIngests>();
  std::shared_ptr<SavedHashes> hashes_ = std::make_shared<SavedHashes>();
  std::shared_ptr<LeaseTable> leases_ = std::make_shared<LeaseTable>();
};

// When the file was last written.
TimePoint modified_time(const struct stat& st);
// kDataLoss, with what to do.
Error damaged_blob(const oci::Digest& digest, std::string_view fault);

}  // namespace skiff::content
