#include "registry/local_blobs.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/strings.h"

namespace skiff::registry {

namespace {

constexpr size_t kBuffer = size_t{64} * 1024;

class IngestWriter : public UploadWriter {
 public:
  explicit IngestWriter(std::unique_ptr<content::DurableIngest> ingest)
      : ingest_(std::move(ingest)) {}

  uint64_t offset() const override { return ingest_->offset(); }
  Result<> write(std::string_view bytes) override { return ingest_->write(bytes); }
  void expect(uint64_t bytes) override { ingest_->expect(bytes); }
  Result<UploadState> settle() override {
    return UploadState{.bytes = TRY(ingest_->settle()), .place = ""};
  }
  content::DurableIngest& ingest() { return *ingest_; }

 private:
  std::unique_ptr<content::DurableIngest> ingest_;
};

class FileSource : public BlobSource {
 public:
  explicit FileSource(std::unique_ptr<content::BlobReader> reader) : reader_(std::move(reader)) {}

  uint64_t size() const override { return reader_->size(); }
  int file() const override { return reader_->fd(); }
  Result<> read(uint64_t offset, uint64_t size, const Take& take) override {
    std::array<char, kBuffer> buffer;
    while (size > 0) {
      const ssize_t n = ::pread(file(), buffer.data(), std::min<uint64_t>(size, buffer.size()),
                                static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Error::from_errno(errno, "read blob");
      if (n == 0) return Error(Code::kDataLoss, cat("a blob's file ends before byte ", offset));
      TRY(take({buffer.data(), static_cast<size_t>(n)}));
      offset += static_cast<uint64_t>(n);
      size -= static_cast<uint64_t>(n);
    }
    return {};
  }

 private:
  std::unique_ptr<content::BlobReader> reader_;
};

}  // namespace

std::string ingest_name(const std::string& upload) { return cat("upload-", upload); }

UploadState LocalBlobs::first_state() const {
  return {.bytes = {.offset = 0, .hash = "", .boot = content::current_boot()}, .place = ""};
}

Result<std::unique_ptr<UploadWriter>> LocalBlobs::resume(const std::string& id,
                                                         HashAlgorithm algorithm,
                                                         const UploadState& from, Keep /*keep*/) {
  return std::make_unique<IngestWriter>(
      TRY(content_->resume(ingest_name(id), algorithm, from.bytes)));
}

Result<BlobPlace> LocalBlobs::finish(UploadWriter& writer, const oci::Digest& expected) {
  auto* ours = dynamic_cast<IngestWriter*>(&writer);
  if (ours == nullptr) return Error(Code::kInvalidArgument, "an upload of another store");
  TRY(records_.check());
  const content::BlobInfo blob = TRY(content_->commit(ours->ingest(), expected));
  return BlobPlace{.size = blob.size, .place = ""};
}

Result<std::vector<std::string>> LocalBlobs::abandon(const std::string& id,
                                                     const UploadState& /*state*/) {
  TRY(content_->abort(ingest_name(id)));
  return std::vector<std::string>();
}

Result<std::unique_ptr<BlobSource>> LocalBlobs::open(const oci::Digest& digest,
                                                     const BlobPlace& /*blob*/) {
  return std::make_unique<FileSource>(TRY(content_->open(digest)));
}

Result<> LocalBlobs::verify(const oci::Digest& digest, const BlobPlace& /*blob*/,
                            const content::VerifyOptions& options, const CancelToken& cancel) {
  return content_->verify(digest, options, cancel);
}

std::vector<Result<>> LocalBlobs::discard(std::span<const std::string> places) {
  std::vector<Result<>> out;
  for (const std::string& place : places) {
    out.emplace_back(Error(Code::kFailedPrecondition,
                           cat(quoted(place), " is a place in another store than in files")));
  }
  return out;
}

}  // namespace skiff::registry
