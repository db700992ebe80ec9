// The local content store: files under ROOT/blobs, rows in content.db.
//
// Order of a commit: bytes -> fsync -> rename -> fsync of the directory -> row. Order of a
// removal: row -> unlink. So a crash can leave a file without a row, never an acknowledged
// row without its file.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <unordered_set>

#include "base/log.h"
#include "base/random.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "content/blob_table.h"
#include "content/content_store.h"
#include "content/ingest_file.h"
#include "content/layout.h"
#include "content/lease_table.h"
#include "content/reconcile.h"
#include "content/root_lock.h"

namespace skiff::content {

namespace {

// References whose ingest is open. Shared with the ingests, which may outlive the store.
class OpenReferences {
 public:
  bool add(const std::string& reference) {
    std::lock_guard lock(mutex_);
    return set_.insert(reference).second;
  }
  void remove(const std::string& reference) {
    std::lock_guard lock(mutex_);
    set_.erase(reference);
  }

 private:
  std::mutex mutex_;
  std::unordered_set<std::string> set_;
};

class FileReader : public BlobReader {
 public:
  FileReader(UniqueFd fd, uint64_t size) : fd_(std::move(fd)), source_(fd_.get()), size_(size) {}
  Result<size_t> read(std::span<char> buffer) override { return source_.read(buffer); }
  uint64_t size() const override { return size_; }
  int fd() const override { return fd_.get(); }

 private:
  UniqueFd fd_;
  FdSource source_;
  uint64_t size_;
};

class LocalStore : public ContentStore {
 public:
  LocalStore(RootLock lock, Layout layout, BlobTable table, DurableFiles& files, const Clock& clock)
      : lock_(std::move(lock)),
        layout_(std::move(layout)),
        table_(std::move(table)),
        files_(files),
        clock_(clock) {}

  Result<BlobInfo> info(const oci::Digest& digest) override;
  Result<std::unique_ptr<BlobReader>> open(const oci::Digest& digest) override;
  Result<std::unique_ptr<Ingest>> ingest(const std::string& reference,
                                         HashAlgorithm algorithm) override;
  Result<BlobInfo> commit(Ingest& ingest, const oci::Digest& expected, Lease* lease) override;
  Result<> abort(const std::string& reference) override;
  Result<> remove(const oci::Digest& digest) override;
  Result<> walk(const std::function<Result<>(const BlobInfo&)>& visit) override;
  Result<std::unique_ptr<Lease>> lease() override { return leases_->make_lease(); }
  Result<uint64_t> collect(const std::set<oci::Digest>& keep, std::chrono::seconds grace) override;

 private:
  Result<> check_digest(IngestFile& ingest, const oci::Digest& expected);
  Result<BlobInfo> renew(IngestFile& ingest, BlobInfo existing);
  Result<BlobInfo> publish(IngestFile& ingest, const oci::Digest& expected);
  Result<> make_shelf(const oci::Digest& digest);
  Result<uint64_t> sweep(const std::vector<BlobInfo>& candidates);

  RootLock lock_;
  Layout layout_;
  BlobTable table_;
  DurableFiles& files_;
  const Clock& clock_;
  // Guards the pairing of files and rows: held from rename to row, and from row to unlink.
  std::mutex pairing_;
  std::shared_ptr<OpenReferences> open_references_ = std::make_shared<OpenReferences>();
  std::shared_ptr<LeaseTable> leases_ = std::make_shared<LeaseTable>();
};

Result<BlobInfo> LocalStore::info(const oci::Digest& digest) {
  std::optional<BlobInfo> found = TRY(table_.find(digest));
  if (!found) return Error(Code::kNotFound, cat("blob ", digest.str(), " not found"));
  return *found;
}

Result<std::unique_ptr<BlobReader>> LocalStore::open(const oci::Digest& digest) {
  BlobInfo blob = TRY(info(digest));
  UniqueFd fd =
      TRY_CONTEXT(open_file(layout_.blob(digest), O_RDONLY), cat("open blob ", digest.str()));
  struct stat st{};
  if (::fstat(fd.get(), &st) != 0) return Error::from_errno(errno, cat("stat ", digest.str()));
  if (static_cast<uint64_t>(st.st_size) != blob.size) {
    return Error(Code::kDataLoss,
                 cat("blob ", digest.str(), " has ", st.st_size, " bytes on disk, ", blob.size,
                     " expected: the file was damaged"));
  }
  return std::make_unique<FileReader>(std::move(fd), blob.size);
}

Result<std::unique_ptr<Ingest>> LocalStore::ingest(const std::string& reference,
                                                   HashAlgorithm algorithm) {
  if (!open_references_->add(reference)) {
    return Error(Code::kUnavailable, cat("ingest ", reference, " is being written already"));
  }
  auto close = [open = open_references_, reference] { open->remove(reference); };
  auto ingest = IngestFile::open(layout_.ingest(reference), reference, algorithm, close);
  if (!ingest) {
    close();
    return std::move(ingest.error());
  }
  return std::unique_ptr<Ingest>(std::move(*ingest));
}

Result<BlobInfo> LocalStore::commit(Ingest& ingest, const oci::Digest& expected, Lease* lease) {
  auto* file = dynamic_cast<IngestFile*>(&ingest);
  if (file == nullptr || file->fd() < 0) {
    return Error(Code::kFailedPrecondition, "commit of an ingest that is finished or not ours");
  }
  TRY(check_digest(*file, expected));
  bool known = TRY(table_.find(expected)).has_value();
  // The slow part, before anybody has to wait for us.
  if (!known) TRY_CONTEXT(files_.sync_file(file->fd()), cat("store blob ", expected.str()));

  std::lock_guard pairing(pairing_);
  if (lease != nullptr) TRY(lease->hold(expected));
  if (std::optional<BlobInfo> existing = TRY(table_.find(expected))) return renew(*file, *existing);
  if (known) TRY_CONTEXT(files_.sync_file(file->fd()), cat("store blob ", expected.str()));
  return publish(*file, expected).context(cat("store blob ", expected.str()));
}

Result<> LocalStore::check_digest(IngestFile& ingest, const oci::Digest& expected) {
  oci::Digest actual = TRY(ingest.digest_by(expected.algorithm()));
  if (actual == expected) return {};
  ::unlink(ingest.path().c_str());
  ingest.finish();
  return Error(Code::kDataLoss, cat("content of ", ingest.reference(), " is ", actual.str(),
                                    ", expected ", expected.str()));
}

Result<BlobInfo> LocalStore::renew(IngestFile& ingest, BlobInfo existing) {
  existing.created = clock_.now();
  TRY(table_.put(existing));
  TRY(files_.unlink(ingest.path()));
  ingest.finish();
  return existing;
}

Result<BlobInfo> LocalStore::publish(IngestFile& ingest, const oci::Digest& expected) {
  TRY(make_shelf(expected));
  Path blob = layout_.blob(expected);
  ::fchmod(ingest.fd(), 0444);
  TRY(files_.rename(ingest.path(), blob));
  ScopeExit undo([&] {
    ::fchmod(ingest.fd(), 0600);
    ::rename(blob.c_str(), ingest.path().c_str());
  });
  TRY(files_.sync_directory(blob.parent_path()));
  BlobInfo info{expected, ingest.offset(), clock_.now()};
  TRY(table_.put(info));
  undo.dismiss();
  ingest.finish();
  return info;
}

Result<> LocalStore::make_shelf(const oci::Digest& digest) {
  Path shelf = layout_.blob(digest).parent_path();
  if (::mkdir(shelf.c_str(), 0711) == 0) return files_.sync_directory(shelf.parent_path());
  if (errno == EEXIST) return {};
  return Error::from_errno(errno, cat("mkdir ", shelf.native()));
}

Result<> LocalStore::abort(const std::string& reference) {
  if (!open_references_->add(reference)) {
    return Error(Code::kUnavailable, cat("ingest ", reference, " is being written"));
  }
  ScopeExit close([&] { open_references_->remove(reference); });
  Path file = layout_.ingest(reference);
  if (::access(file.c_str(), F_OK) != 0) return {};
  return files_.unlink(file);
}

Result<> LocalStore::remove(const oci::Digest& digest) {
  std::lock_guard pairing(pairing_);
  BlobInfo blob = TRY(info(digest));
  TRY(table_.erase({&blob, 1}));
  return files_.unlink(layout_.blob(digest)).context(cat("remove blob ", digest.str()));
}

Result<> LocalStore::walk(const std::function<Result<>(const BlobInfo&)>& visit) {
  std::string after;
  for (;;) {
    std::vector<BlobInfo> page = TRY(table_.page(after));
    if (page.empty()) return {};
    for (const BlobInfo& blob : page) TRY(visit(blob));
    after = page.back().digest.str();
  }
}

Result<uint64_t> LocalStore::collect(const std::set<oci::Digest>& keep,
                                     std::chrono::seconds grace) {
  TimePoint newest = clock_.now() - grace;
  uint64_t freed = 0;
  std::string after;
  for (;;) {
    std::vector<BlobInfo> page = TRY(table_.page(after));
    if (page.empty()) return freed;
    after = page.back().digest.str();
    std::erase_if(page, [&](const BlobInfo& blob) {
      return blob.created > newest || keep.contains(blob.digest);
    });
    freed += TRY(sweep(page));
  }
}

Result<uint64_t> LocalStore::sweep(const std::vector<BlobInfo>& candidates) {
  if (candidates.empty()) return 0;
  std::lock_guard pairing(pairing_);
  std::vector<BlobInfo> doomed;
  {
    LeaseTable::Frozen leases(*leases_);
    for (const BlobInfo& blob : candidates) {
      std::optional<BlobInfo> now = TRY(table_.find(blob.digest));
      bool untouched = now && now->created == blob.created;
      if (untouched && !leases.holds(blob.digest)) doomed.push_back(blob);
    }
    TRY(table_.erase(doomed));
  }
  uint64_t freed = 0;
  for (const BlobInfo& blob : doomed) {
    TRY(files_.unlink(layout_.blob(blob.digest)));
    freed += blob.size;
  }
  return freed;
}

}  // namespace

Result<std::unique_ptr<ContentStore>> open_content_store(const Path& root, DurableFiles& files,
                                                         const Clock& clock) {
  auto open = [&]() -> Result<std::unique_ptr<ContentStore>> {
    Layout layout(root);
    TRY(layout.make(files));
    RootLock lock = TRY(RootLock::take(root));
    BlobTable table = TRY(BlobTable::open(root / "content.db"));
    TRY(reconcile(layout, table, files, clock));
    return std::make_unique<LocalStore>(std::move(lock), std::move(layout), std::move(table), files,
                                        clock);
  };
  return open().context(cat("open content store ", root.native()));
}

Result<std::string> read_blob(ContentStore& store, const oci::Digest& digest, size_t limit) {
  std::unique_ptr<BlobReader> reader = TRY(store.open(digest));
  std::string bytes = TRY_CONTEXT(read_all(*reader, limit), cat("read blob ", digest.str()));
  if (oci::Digest::of(bytes, digest.algorithm()) != digest) {
    return Error(Code::kDataLoss, cat("blob ", digest.str(), " was damaged on disk"));
  }
  return bytes;
}

Result<oci::Digest> write_blob(ContentStore& store, std::string_view bytes, Lease* lease) {
  std::string reference = cat("write-blob-", random_hex(32));
  oci::Digest digest = oci::Digest::of(bytes);
  auto write = [&]() -> Result<> {
    std::unique_ptr<Ingest> ingest = TRY(store.ingest(reference));
    TRY(ingest->write(bytes));
    TRY(store.commit(*ingest, digest, lease));
    return {};
  };
  Result<> written = write();
  if (written) return digest;
  [[maybe_unused]] auto ignored = store.abort(reference);  // the first error is the one to tell
  return std::move(written.error());
}

}  // namespace skiff::content
