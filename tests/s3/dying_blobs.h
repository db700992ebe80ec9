// A store under whose hands the process ends, as one that is killed.
#pragma once

#include <unistd.h>

#include "registry/blobs.h"

namespace skiff::registry {

// Ends the process behind its second blob.
class DyingBlobs : public Blobs {
 public:
  static constexpr int kStatus = 7;
  explicit DyingBlobs(Blobs& store) : store_(store) {}

  UploadState first_state() const override { return store_.first_state(); }
  Result<std::unique_ptr<UploadWriter>> resume(const std::string& id, HashAlgorithm algorithm,
                                               const UploadState& from, Keep keep) override {
    return store_.resume(id, algorithm, from, std::move(keep));
  }
  Result<BlobPlace> finish(UploadWriter& writer, const oci::Digest& expected) override {
    auto at = store_.finish(writer, expected);
    if (++finished_ == 2) ::_exit(kStatus);
    return at;
  }
  Result<std::vector<std::string>> abandon(const std::string& id,
                                           const UploadState& state) override {
    return store_.abandon(id, state);
  }
  std::vector<std::string> leftovers(const std::string& id, const UploadState& state,
                                     const BlobPlace& blob) const override {
    return store_.leftovers(id, state, blob);
  }
  Result<std::unique_ptr<BlobSource>> open(const oci::Digest& digest,
                                           const BlobPlace& blob) override {
    return store_.open(digest, blob);
  }
  Result<> verify(const oci::Digest& digest, const BlobPlace& blob,
                  const content::VerifyOptions& options, const CancelToken& cancel) override {
    return store_.verify(digest, blob, options, cancel);
  }
  std::vector<Result<>> discard(std::span<const std::string> places) override {
    return store_.discard(places);
  }
  Result<> walk(const std::function<Result<>(const Found&)>& visit) override {
    return store_.walk(visit);
  }

 private:
  Blobs& store_;
  int finished_ = 0;
};

}  // namespace skiff::registry
