#include "content/local_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "content/reconcile.h"

namespace skiff::content {

namespace {

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

}  // namespace

Result<BlobInfo> LocalStore::info(const oci::Digest& digest) {
  std::optional<BlobInfo> found = TRY(table_.find(digest));
  if (!found) return Error(Code::kNotFound, cat("blob ", digest.str(), " not found"));
  return *found;
}

Result<std::unique_ptr<BlobReader>> LocalStore::open(const oci::Digest& digest) {
  BlobInfo blob = TRY(info(digest));
  UniqueFd fd(::open(layout_.blob_name(digest).c_str(), O_RDONLY | O_CLOEXEC));
  const int failure = errno;
  struct stat st{};
  const bool seen = fd && ::fstat(fd.get(), &st) == 0;
  if (std::string fault = seen ? visible_fault(blob, st) : visible_fault(blob); !fault.empty()) {
    // Perhaps it was removed, and even stored again, between the two.
    if (TRY(info(digest)).created != blob.created) return open(digest);
    if (auto done = remember_damage(blob); !done) log_warn(done.error().message());
    return damaged_blob(digest, fault);
  }
  if (!fd) return Error::from_errno(failure, cat("open blob ", digest.str()));
  return std::make_unique<FileReader>(std::move(fd), blob.size);
}

std::string LocalStore::visible_fault(const BlobInfo& blob) const {
  struct stat st{};
  if (::stat(layout_.blob(blob.digest).c_str(), &st) != 0) {
    if (errno != ENOENT) return cat("stat: ", ::strerror(errno));
    const bool is_aside = blob.damaged && ::stat(quarantine_.file(blob.digest).c_str(), &st) == 0;
    if (!is_aside) return "its file is gone";
  }
  return visible_fault(blob, st);
}

std::string LocalStore::visible_fault(const BlobInfo& blob, const struct stat& st) {
  if (static_cast<uint64_t>(st.st_size) != blob.size) {
    return cat("its file has ", st.st_size, " bytes, not ", blob.size);
  }
  if (!blob.damaged) return "";
  return blob.unread ? "it could not be read" : "its content is not what it was";
}

Result<std::unique_ptr<Ingest>> LocalStore::ingest(const std::string& reference,
                                                   HashAlgorithm algorithm) {
  return TRY(open_ingest(reference, algorithm, {}));
}

Result<std::unique_ptr<DurableIngest>> LocalStore::resume(const std::string& reference,
                                                          HashAlgorithm algorithm,
                                                          const IngestState& from) {
  return TRY(open_ingest(reference, algorithm, from));
}

Result<std::unique_ptr<IngestFile>> LocalStore::open_ingest(const std::string& reference,
                                                            HashAlgorithm algorithm,
                                                            const IngestState& from) {
  Path file = layout_.ingest(reference);
  if (!open_ingests_->add(file)) {
    return Error(Code::kUnavailable, cat("ingest ", reference, " is being written already"));
  }
  auto close = [open = open_ingests_, file] { open->remove(file); };
  const std::string label = reference.empty() ? file.filename().native() : reference;
  auto ingest = IngestFile::open(file, label, algorithm, from, hashes_, files_, close);
  if (!ingest) close();
  return ingest;
}

Result<BlobInfo> LocalStore::commit(Ingest& ingest, const oci::Digest& expected, Lease* lease) {
  auto* file = dynamic_cast<IngestFile*>(&ingest);
  if (file == nullptr || file->fd() < 0) {
    return Error(Code::kFailedPrecondition, "commit of an ingest that is finished or not ours");
  }
  TRY(file->flush());
  TRY(check_digest(*file, expected));
  // What is there and damaged is replaced.
  auto whole = [&](const std::optional<BlobInfo>& row) {
    return row && visible_fault(*row).empty();
  };
  bool known = whole(TRY(table_.find(expected)));
  // The slow part, before anybody has to wait for us.
  if (!known) TRY_CONTEXT(files_.sync_file(file->fd()), cat("store blob ", expected.str()));

  std::lock_guard pairing(pairing_);
  if (lease != nullptr) TRY(lease->hold(expected));
  std::optional<BlobInfo> existing = TRY(table_.find(expected));
  if (whole(existing)) return renew(*file, *existing);
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
  existing = TRY(renew(std::move(existing)));
  TRY(files_.unlink(ingest.path()));
  ingest.finish();
  return existing;
}

Result<BlobInfo> LocalStore::renew(BlobInfo existing) {
  existing.created = clock_.now();
  TRY(table_.put(existing));
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
  struct stat st{};
  if (::fstat(ingest.fd(), &st) != 0) return Error::from_errno(errno, "stat");
  TimePoint now = clock_.now();
  BlobInfo info{.digest = expected,
                .size = ingest.offset(),
                .created = now,
                .verified = now,
                .modified = modified_time(st)};
  TRY(table_.put(info));
  undo.dismiss();
  quarantine_.drop(expected);
  ingest.finish();
  return info;
}

// The file had all its bytes on the disk, and verified, before it got its name.
Result<bool> LocalStore::finish_commit(const std::string& reference, const oci::Digest& blob) {
  const Path file = layout_.blob(blob);
  std::lock_guard pairing(pairing_);
  struct stat st{};
  const bool renamed =
      ::access(layout_.ingest(reference).c_str(), F_OK) != 0 && ::stat(file.c_str(), &st) == 0;
  if (!renamed) return false;
  const std::optional<BlobInfo> row = TRY(table_.find(blob));
  if (row && visible_fault(*row, st).empty()) return true;
  TRY(files_.sync_directory(file.parent_path()));
  const TimePoint now = clock_.now();
  TRY(table_.put({.digest = blob,
                  .size = static_cast<uint64_t>(st.st_size),
                  .created = now,
                  .verified = now,
                  .modified = modified_time(st)}));
  return true;
}

Result<> LocalStore::make_shelf(const oci::Digest& digest) {
  Path shelf = layout_.blob(digest).parent_path();
  if (::mkdir(shelf.c_str(), 0711) == 0) return files_.sync_directory(shelf.parent_path());
  if (errno == EEXIST) return {};
  return Error::from_errno(errno, cat("mkdir ", shelf.native()));
}

Result<> LocalStore::abort(const std::string& reference) {
  Path file = layout_.ingest(reference);
  if (!open_ingests_->add(file)) {
    return Error(Code::kUnavailable, cat("ingest ", reference, " is being written"));
  }
  ScopeExit close([&] { open_ingests_->remove(file); });
  if (::access(file.c_str(), F_OK) != 0) return {};
  return files_.unlink(file);
}

Result<uint64_t> LocalStore::abort_idle() { return abort_without({}); }

Result<> LocalStore::abort_others(const std::set<std::string>& references) {
  TRY(abort_without(references));
  return {};
}

Result<uint64_t> LocalStore::abort_without(const std::set<std::string>& references) {
  std::set<Path> left_out;
  for (const std::string& reference : references) left_out.insert(layout_.ingest(reference));
  uint64_t freed = 0;
  TRY(visit_files(layout_.ingests(), [&](const Path& file) -> Result<> {
    if (left_out.contains(file) || !open_ingests_->add(file)) return {};
    ScopeExit close([&] { open_ingests_->remove(file); });
    struct stat st{};
    if (::stat(file.c_str(), &st) != 0) return {};  // finished since it was listed
    TRY(files_.unlink(file));
    freed += static_cast<uint64_t>(st.st_size);
    return {};
  }));
  return freed;
}

Result<uint64_t> LocalStore::idle_bytes(const std::set<std::string>& without) {
  std::set<Path> left_out;
  for (const std::string& reference : without) left_out.insert(layout_.ingest(reference));
  uint64_t total = 0;
  TRY(visit_files(layout_.ingests(), [&](const Path& file) -> Result<> {
    struct stat st{};
    const bool is_counted = !left_out.contains(file) && !open_ingests_->has(file);
    if (is_counted && ::stat(file.c_str(), &st) == 0) total += static_cast<uint64_t>(st.st_size);
    return {};
  }));
  return total;
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

Result<uint64_t> LocalStore::collect_among(const std::set<oci::Digest>& unneeded) {
  std::vector<BlobInfo> here;
  for (const oci::Digest& digest : unneeded) {
    if (auto row = TRY(table_.find(digest))) here.push_back(*std::move(row));
  }
  return sweep(here);
}

Result<uint64_t> LocalStore::collectable(const std::set<oci::Digest>& keep) {
  uint64_t bytes = 0;
  TRY(walk([&](const BlobInfo& blob) -> Result<> {
    if (keep.contains(blob.digest)) return {};
    if (!LeaseTable::Frozen(*leases_).holds(blob.digest)) bytes += blob.size;
    return {};
  }));
  return bytes;
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
    TRY(remove_file(blob));
    freed += blob.size;
  }
  return freed;
}

TimePoint modified_time(const struct stat& st) {
  return TimePoint(std::chrono::seconds(st.st_mtim.tv_sec) +
                   std::chrono::nanoseconds(st.st_mtim.tv_nsec));
}

Error damaged_blob(const oci::Digest& digest, std::string_view fault) {
  return Error(Code::kDataLoss, cat("blob ", digest.str(), " is damaged on disk (", fault,
                                    "): pull, load or push it anew to replace it"));
}

static Result<std::unique_ptr<LocalStore>> open_store(const Path& root, bool reconciled,
                                                      DurableFiles& files, const Clock& clock) {
  auto open = [&]() -> Result<std::unique_ptr<LocalStore>> {
    Layout layout(root);
    TRY(layout.make(files));
    RootLock lock = TRY(RootLock::take(root));
    BlobTable table = TRY(BlobTable::open(layout.database()));
    if (reconciled) TRY(reconcile(layout, table, files, clock));
    auto trash = TRY(Trash::open(layout.trash()));
    return std::make_unique<LocalStore>(std::move(lock), std::move(layout), std::move(table),
                                        std::move(trash), files, clock);
  };
  return open().context(cat("open content store ", root.native()));
}

Result<std::unique_ptr<ContentStore>> open_content_store(const Path& root, DurableFiles& files,
                                                         const Clock& clock) {
  return TRY(open_store(root, true, files, clock));
}

Result<std::unique_ptr<RecordedStore>> open_recorded_store(const Path& root, DurableFiles& files,
                                                           const Clock& clock) {
  return TRY(open_store(root, false, files, clock));
}

Result<std::string> read_blob(ContentStore& store, const oci::Digest& digest, size_t limit) {
  std::unique_ptr<BlobReader> reader = TRY(store.open(digest));
  std::string bytes = TRY_CONTEXT(read_all(*reader, limit), cat("read blob ", digest.str()));
  if (oci::Digest::of(bytes, digest.algorithm()) != digest) {
    return damaged_blob(digest, "its content is not what it was");
  }
  return bytes;
}

Result<oci::Digest> write_blob(ContentStore& store, std::string_view bytes, Lease* lease) {
  oci::Digest digest = oci::Digest::of(bytes);
  std::unique_ptr<Ingest> ingest = TRY(store.ingest(""));
  TRY(ingest->write(bytes));
  TRY(store.commit(*ingest, digest, lease));
  return digest;
}

}  // namespace skiff::content
