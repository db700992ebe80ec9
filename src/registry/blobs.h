// Blobs: bytes by digest, as a registry keeps them: in files (local_blobs.h), or elsewhere. No
// repositories, no rights, and no record of its own: what there is and where, the metadata knows.
//
//   auto writer = TRY(blobs.resume(id, algorithm, state, keep));    // goes on with an upload
//   TRY(writer->write(bytes)) ...
//   state = TRY(writer->settle());             // noted in the metadata before anybody is told
//   BlobPlace at = TRY(blobs.finish(*writer, digest));
//   TRY(metadata.link_blob(repository, digest, at, ...));      // only now anybody can find it
//   auto source = TRY(blobs.open(digest, at));
//
// Thread-safe; a writer and a source are not.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "content/recorded_store.h"
#include "registry/blob_place.h"

namespace skiff::registry {

// One request's right to append to an upload. What was not settled may go with it.
class UploadWriter {
 public:
  virtual ~UploadWriter() = default;
  // A write that failed may have made it less: back to what settled last.
  virtual uint64_t offset() const = 0;
  virtual Result<> write(std::string_view bytes) = 0;
  // So many bytes are about to be written, as far as anybody knows.
  virtual void expect(uint64_t /*bytes*/) {}
  // All that was written survives a power cut, and whoever has the state goes on behind it.
  virtual Result<UploadState> settle() = 0;
};

// One blob, open for reading. Reads are not verified against the digest.
class BlobSource {
 public:
  using Take = std::function<Result<>(std::string_view)>;
  virtual ~BlobSource() = default;
  virtual uint64_t size() const = 0;
  // Its file, offset unspecified; -1 where it is in none.
  virtual int file() const { return -1; }
  // Where anybody may read it for some minutes; "" where that is not wanted.
  virtual std::string link() const { return ""; }
  // Each byte of the range once and in order. An error of `take` ends it.
  virtual Result<> read(uint64_t offset, uint64_t size, const Take& take) = 0;
};

class Blobs {
 public:
  // Notes the state in the upload's row. Fails (kAborted) where somebody else has gone on with
  // the upload: then nothing more may be written.
  using Keep = std::function<Result<>(const UploadState&)>;

  virtual ~Blobs() = default;

  // Of an upload without bytes.
  virtual UploadState first_state() const = 0;
  // One writer of an upload at a time in this process; another process may begin one, too, and then
  // it is `keep` that tells who goes on.
  virtual Result<std::unique_ptr<UploadWriter>> resume(const std::string& id,
                                                       HashAlgorithm algorithm,
                                                       const UploadState& from, Keep keep) = 0;
  // The bytes are durable at the place, and verified: kDataLoss where they are not `expected`,
  // which may be of another algorithm than the upload's. After any other failure the upload is as
  // before.
  virtual Result<BlobPlace> finish(UploadWriter& writer, const oci::Digest& expected) = 0;
  // Lets go of the bytes of an upload that nobody writes. What is given back must be noted as
  // discarded in the transaction that ends the upload.
  virtual Result<std::vector<std::string>> abandon(const std::string& id,
                                                   const UploadState& state) = 0;
  // What is to be discarded when the upload has become the blob at that place.
  virtual std::vector<std::string> leftovers(const std::string& id, const UploadState& state,
                                             const BlobPlace& blob) const = 0;

  // kNotFound, and kDataLoss for a damaged one.
  virtual Result<std::unique_ptr<BlobSource>> open(const oci::Digest& digest,
                                                   const BlobPlace& blob) = 0;
  // Whether the blob is whole, as ContentStore::verify().
  virtual Result<> verify(const oci::Digest& digest, const BlobPlace& blob,
                          const content::VerifyOptions& options = {},
                          const CancelToken& cancel = {}) = 0;
  // Takes away what was noted as discarded, for good; missing is success. The outcome of each.
  virtual std::vector<Result<>> discard(std::span<const std::string> places) = 0;

  struct Found {
    std::string place;
    std::string upload;  // that it came by
  };
  // All places where something is, with no blob's or upload's name left out that was there all the
  // time. For blobs in files their own walk() is asked.
  virtual Result<> walk(const std::function<Result<>(const Found&)>& visit) = 0;

  // The files, where blobs are in files and their places are "": they are removed by digest, and
  // need what recorded_store.h asks of its owner. nullptr elsewhere.
  virtual content::RecordedStore* files() { return nullptr; }
};

}  // namespace skiff::registry
