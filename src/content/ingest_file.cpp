#include "content/ingest_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.h"
#include "content/layout.h"

namespace skiff::content {

// Hashes the file from its start; the descriptor's offset ends at the end.
static Result<uint64_t> hash_file(int fd, Hasher& hasher) {
  if (::lseek(fd, 0, SEEK_SET) != 0) return Error::from_errno(errno, "seek");
  FdSource source(fd);
  return TRY(copy(source, hasher));
}

IngestFile::IngestFile(Path path, std::string reference, HashAlgorithm algorithm, UniqueFd fd,
                       std::shared_ptr<SavedHashes> hashes)
    : path_(std::move(path)),
      reference_(std::move(reference)),
      algorithm_(algorithm),
      fd_(std::move(fd)),
      hashes_(std::move(hashes)),
      hasher_(algorithm) {}

Result<std::unique_ptr<IngestFile>> IngestFile::open(const Path& file, std::string reference,
                                                     HashAlgorithm algorithm,
                                                     std::shared_ptr<SavedHashes> hashes,
                                                     std::function<void()> on_close) {
  UniqueFd fd = TRY(open_file(file, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  std::unique_ptr<IngestFile> ingest(
      new IngestFile(file, std::move(reference), algorithm, std::move(fd), std::move(hashes)));
  TRY_CONTEXT(ingest->take_up(), cat("continue ingest ", ingest->reference_));
  ingest->on_close_ = std::move(on_close);
  return ingest;
}

// Goes on behind what the file holds.
Result<> IngestFile::take_up() {
  if (auto known = hashes_->take(fd_.get(), algorithm_)) {
    hasher_ = *std::move(known);
    const off_t end = ::lseek(fd_.get(), 0, SEEK_END);
    if (end < 0) return Error::from_errno(errno, "seek");
    moved_to(static_cast<uint64_t>(end));
    return {};
  }
  moved_to(TRY(hash_file(fd_.get(), hasher_)));
  return {};
}

IngestFile::~IngestFile() {
  growth_->ended();
  // Nothing to continue, or nobody who could.
  if (fd_ && (offset_ == 0 || Layout::is_once(path_))) {
    ::unlink(path_.c_str());
  } else if (fd_) {
    hashes_->save(fd_.get(), algorithm_, std::move(hasher_));
  }
  if (on_close_) on_close_();
}

void IngestFile::moved_to(uint64_t offset) {
  offset_ = offset;
  growth_->reached(offset);
}

Result<> IngestFile::write(std::string_view bytes) {
  if (!fd_) return Error(Code::kFailedPrecondition, cat("ingest ", reference_, " is finished"));
  FdSink sink(fd_.get());
  Result<> written = sink.write(bytes);
  if (!written) {
    // A disk that is full must not stay full for what may never be continued: start over.
    const int reason = written.error().sys_errno();
    if (reason == ENOSPC || reason == EDQUOT) {
      hasher_ = Hasher(algorithm_);
      moved_to(0);
    }
    // Back to where hash and file agree; commit would catch it if that failed too.
    if (::ftruncate(fd_.get(), static_cast<off_t>(offset_)) == 0) {
      ::lseek(fd_.get(), static_cast<off_t>(offset_), SEEK_SET);
    }
    return std::move(written).context(cat("write ingest ", reference_));
  }
  hasher_.update(bytes);
  moved_to(offset_ + bytes.size());
  return {};
}

oci::Digest IngestFile::digest() const { return oci::Digest::from_hex(algorithm_, hasher_.hex()); }

Result<oci::Digest> IngestFile::digest_by(HashAlgorithm algorithm) const {
  if (algorithm == algorithm_) return digest();
  Hasher hasher(algorithm);
  TRY(hash_file(fd_.get(), hasher));
  return oci::Digest::from_hex(algorithm, hasher.hex());
}

Result<> IngestFile::reset() {
  if (!fd_) return Error(Code::kFailedPrecondition, cat("ingest ", reference_, " is finished"));
  if (::ftruncate(fd_.get(), 0) != 0 || ::lseek(fd_.get(), 0, SEEK_SET) != 0) {
    return Error::from_errno(errno, cat("reset ingest ", reference_));
  }
  hasher_ = Hasher(algorithm_);
  moved_to(0);
  return {};
}

Result<std::unique_ptr<Source>> IngestFile::follow(uint64_t size, const CancelToken& cancel) {
  // The same open file: whatever becomes of its name, its bytes stay.
  UniqueFd file(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  if (!file) return Error::from_errno(errno, cat("follow ingest ", reference_));
  return std::make_unique<IngestTail>(std::move(file), size, growth_, cancel);
}

void IngestFile::finish() { fd_.reset(); }

}  // namespace skiff::content
