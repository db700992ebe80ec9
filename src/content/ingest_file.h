// IngestFile: a blob being written, as a file under ROOT/ingests.
#pragma once

#include <functional>
#include <string>

#include "content/ingest_tail.h"
#include "content/recorded_store.h"
#include "content/saved_hashes.h"

namespace skiff::content {

class IngestFile : public DurableIngest {
 public:
  // Opens or creates `file`; what an earlier attempt left in it is hashed, where neither `hashes`
  // nor `from` know it. `on_close` runs on destruction.
  static Result<std::unique_ptr<IngestFile>> open(const Path& file, std::string reference,
                                                  HashAlgorithm algorithm, const IngestState& from,
                                                  std::shared_ptr<SavedHashes> hashes,
                                                  DurableFiles& files,
                                                  std::function<void()> on_close);
  IngestFile(const IngestFile&) = delete;
  IngestFile& operator=(const IngestFile&) = delete;
  ~IngestFile() override;

  Result<> write(std::string_view bytes) override;
  uint64_t offset() const override { return offset_; }
  oci::Digest digest() const override;
  Result<> reset() override;
  Result<IngestState> settle() override;
  void expect(uint64_t bytes) override;
  Result<std::unique_ptr<Source>> follow(uint64_t size, const CancelToken& cancel) override;

  const std::string& reference() const { return reference_; }
  const Path& path() const { return path_; }
  int fd() const { return fd_.get(); }
  // All that was written is in the file; not synced.
  Result<> flush();
  // The digest by `algorithm`: reads the file again where that is not the ingest's own.
  Result<oci::Digest> digest_by(HashAlgorithm algorithm) const;
  // The file belongs to somebody else now (renamed), or is gone: no more writes.
  void finish();

 private:
  IngestFile(Path path, std::string reference, HashAlgorithm algorithm, UniqueFd fd,
             std::shared_ptr<SavedHashes> hashes, DurableFiles& files);
  Result<> take_up(const IngestState& from);
  Result<bool> take_up_settled(const IngestState& from);
  Result<> sync();
  Result<> write_streamed(std::string_view bytes);
  Result<> write_plain(std::string_view bytes);
  void taken(std::string_view bytes);
  Result<> start_again();
  Result<> go_back();
  void moved_to(uint64_t offset);

  Path path_;
  std::string reference_;
  HashAlgorithm algorithm_;
  UniqueFd fd_;
  std::shared_ptr<SavedHashes> hashes_;
  DurableFiles& files_;
  Hasher hasher_;
  uint64_t offset_ = 0;
  IngestState settled_;
  std::shared_ptr<StreamedFile> stream_;  // what is written goes through it, where there is one
  std::shared_ptr<IngestGrowth> growth_ = std::make_shared<IngestGrowth>();
  std::function<void()> on_close_;
};

}  // namespace skiff::content
