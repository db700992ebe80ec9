// S3UploadWriter: appends to an upload whose bytes are in an S3 store, see s3_blobs.h. While a part
// is on its way there, the next one is gathered.
#pragma once

#include <future>
#include <optional>

#include "registry/blobs.h"
#include "registry/s3_upload_state.h"
#include "registry/spool_file.h"
#include "s3/bucket.h"

namespace skiff::registry {

// Where objects are: keys of places come behind the prefix.
struct S3Store {
  const s3::Bucket& bucket;
  std::string prefix;
  std::string key(const std::string& place) const { return prefix + place; }
};

class S3UploadWriter : public UploadWriter {
 public:
  // `store` must outlive it.
  static Result<std::unique_ptr<S3UploadWriter>> open(const S3Store& store, const Path& spool,
                                                      const std::string& id,
                                                      HashAlgorithm algorithm,
                                                      const UploadState& from, Blobs::Keep keep);

  // What is on its way is not waited for.
  ~S3UploadWriter() override { gone_.cancel(); }
  S3UploadWriter(const S3UploadWriter&) = delete;
  S3UploadWriter& operator=(const S3UploadWriter&) = delete;

  uint64_t offset() const override { return offset_; }
  Result<> write(std::string_view bytes) override;
  Result<UploadState> settle() override;
  // See Blobs::finish().
  Result<BlobPlace> finish(const oci::Digest& expected);

 private:
  // What the store has for good, whether it is noted yet or not.
  struct Settled {
    S3UploadState at;
    uint64_t offset = 0;
    std::string hash;
  };

  struct Sending {
    std::unique_ptr<SpoolFile> bytes;
    uint64_t offset = 0;  // of the upload, and its hash, behind the part
    std::string hash;
    std::future<Result<std::string>> tag;  // waits when it goes
  };

  S3UploadWriter(const S3Store& store, Path directory, std::unique_ptr<SpoolFile> spool,
                 std::string id, HashAlgorithm algorithm, Settled from, Hasher hasher,
                 Blobs::Keep keep);
  Result<> take(std::string_view bytes);
  Result<> load_tail();
  void go_back();
  UploadState state() const;
  Result<> note() { return keep_(state()); }
  Result<> drop_old_objects(int coming);
  Result<> send_part();
  Result<> await_part();
  Result<UploadState> settle_all();
  Result<int> put_object();
  Result<std::string> store_whole();
  Result<> finish_multipart();
  Result<> compare(const oci::Digest& expected, const std::string& place);

  const S3Store& store_;
  const Path directory_;              // of spool files
  std::unique_ptr<SpoolFile> spool_;  // what is behind the parts, once the tail is loaded
  const std::string id_;
  const HashAlgorithm algorithm_;
  Settled settled_;
  bool tail_loaded_;
  uint64_t offset_;
  Hasher hasher_;
  Blobs::Keep keep_;
  CancelSource gone_;
  std::optional<Sending> sending_;  // last: it uses the others
};

}  // namespace skiff::registry
