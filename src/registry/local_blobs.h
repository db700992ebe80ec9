// Blobs in the files of a content store. An upload's bytes are an ingest named by its id.
#pragma once

#include "db/file_watch.h"
#include "registry/blobs.h"

namespace skiff::registry {

// The name of an upload's ingest.
std::string ingest_name(const std::string& upload);

class LocalBlobs : public Blobs {
 public:
  // `records` are the files of the store's database.
  explicit LocalBlobs(std::unique_ptr<content::RecordedStore> content, FileWatch records = {})
      : content_(std::move(content)), records_(std::move(records)) {}

  UploadState first_state() const override;
  Result<std::unique_ptr<UploadWriter>> resume(const std::string& id, HashAlgorithm algorithm,
                                               const UploadState& from, Keep keep) override;
  Result<BlobPlace> finish(UploadWriter& writer, const oci::Digest& expected) override;
  Result<std::vector<std::string>> abandon(const std::string& id,
                                           const UploadState& state) override;
  std::vector<std::string> leftovers(const std::string&, const UploadState&,
                                     const BlobPlace&) const override {
    return {};
  }
  Result<std::unique_ptr<BlobSource>> open(const oci::Digest& digest,
                                           const BlobPlace& blob) override;
  Result<> verify(const oci::Digest& digest, const BlobPlace& blob,
                  const content::VerifyOptions& options, const CancelToken& cancel) override;
  std::vector<Result<>> discard(std::span<const std::string> places) override;
  Result<> walk(const std::function<Result<>(const Found&)>&) override { return {}; }
  content::RecordedStore* files() override { return content_.get(); }

 private:
  std::unique_ptr<content::RecordedStore> content_;
  const FileWatch records_;
};

}  // namespace skiff::registry
