// IngestFile: a blob being written, as a file under ROOT/ingests.
#pragma once

#include <functional>
#include <string>

#include "content/content_store.h"

namespace skiff::content {

class IngestFile : public Ingest {
 public:
  // Opens or creates `file`, hashing what an earlier attempt left in it. `on_close` runs
  // on destruction.
  static Result<std::unique_ptr<IngestFile>> open(const Path& file, std::string reference,
                                                  HashAlgorithm algorithm,
                                                  std::function<void()> on_close);
  IngestFile(const IngestFile&) = delete;
  IngestFile& operator=(const IngestFile&) = delete;
  ~IngestFile() override;

  Result<> write(std::string_view bytes) override;
  uint64_t offset() const override { return offset_; }
  oci::Digest digest() const override;
  Result<> reset() override;

  const std::string& reference() const { return reference_; }
  const Path& path() const { return path_; }
  int fd() const { return fd_.get(); }
  // The digest by `algorithm`: reads the file again where that is not the ingest's own.
  Result<oci::Digest> digest_by(HashAlgorithm algorithm) const;
  // The file belongs to somebody else now (renamed), or is gone: no more writes.
  void finish();

 private:
  IngestFile(Path path, std::string reference, HashAlgorithm algorithm, UniqueFd fd,
             std::function<void()> on_close);

  Path path_;
  std::string reference_;
  HashAlgorithm algorithm_;
  UniqueFd fd_;
  Hasher hasher_;
  uint64_t offset_ = 0;
  std::function<void()> on_close_;
};

}  // namespace skiff::content
