// ContentStore: immutable bytes by digest, on local disk.
//
// The life of a blob:
//   auto ingest = TRY(store.ingest("layer-sha256:ab.."));  // continues an earlier attempt
//   TRY(ingest->write(bytes)) ...                          // hashed while written
//   TRY(store.commit(*ingest, expected_digest));           // verified, fsynced, renamed, recorded
//   auto reader = TRY(store.open(digest));                 // an fd, for read or sendfile
// A blob is visible only after commit, and then whole, verified and durable. Committing
// content that exists already is success and makes it young again. Removing a blob that a
// lease or an open reader uses is allowed: readers keep their fd; leased blobs are skipped
// by `collect`.
//
// A blob whose file was lost or changed is *damaged*. Damage is noticed by open, verify and
// check, and remembered: `open` refuses the blob (kDataLoss) until the same content is
// committed again, which replaces the file. The damaged one is set aside under ROOT/quarantine;
// one that the disk does not give stays, and each verify, check and scrub tries to read it again.
//
// Leases live as long as the process: they protect work in flight, and a crash ends the
// work. A user that turns leased blobs into referenced ones (writes a tag) keeps the lease
// until no `collect` runs whose `keep` was gathered before that.
//
// On disk: ROOT/blobs/ALGORITHM/HH/HEX (0444), ROOT/ingests/ID (ID is the SHA-256 of the
// reference), ROOT/content.db, ROOT/lock. Thread-safe; one process a root.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/cancellation.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/io.h"
#include "base/problem.h"
#include "oci/digest.h"

namespace skiff::content {

struct BlobInfo {
  oci::Digest digest;
  uint64_t size = 0;
  TimePoint created;
  TimePoint verified;    // when all of it was last read and found right
  TimePoint modified;    // what its file said of itself then; of another age it is suspect
  bool damaged = false;  // found so, and not stored again since
  bool unread = false;   // damaged only as far as the disk did not give its file: it is read again
};

struct VerifyOptions {
  bool always = false;            // else only a suspect file is read
  uint64_t bytes_per_second = 0;  // 0 for as fast as it goes
};

// A blob being written. One writer at a time; owned by one thread. A write that failed may have
// made it start again from nothing: offset() tells.
class Ingest : public Sink {
 public:
  // Bytes written so far, also by earlier attempts under the same reference.
  virtual uint64_t offset() const = 0;
  // The digest of what was written so far.
  virtual oci::Digest digest() const = 0;
  // Starts again from nothing.
  virtual Result<> reset() = 0;
  // The first `size` bytes, from the start, for another thread to read while they are written: it
  // waits for what is still to come, and fails (kUnavailable) where the ingest goes before. After
  // a reset() it goes on where it was in what is written then. Nothing it gives is verified. Of a
  // large one that is followed from its beginning the writer keeps pace: write() may wait until the
  // source has been read on, or is destroyed, and nobody else can follow it (kFailedPrecondition).
  virtual Result<std::unique_ptr<Source>> follow(uint64_t size, const CancelToken& cancel) = 0;
};

class BlobReader : public Source {
 public:
  // Reads are not verified against the digest (sendfile cannot be): read_blob() is.
  virtual uint64_t size() const = 0;
  virtual int fd() const = 0;  // of the blob's file, offset unspecified
};

// Keeps the blobs it holds from `collect` until it is destroyed.
class Lease {
 public:
  virtual ~Lease() = default;
  virtual Result<> hold(const oci::Digest& digest) = 0;
};

class ContentStore {
 public:
  virtual ~ContentStore() = default;

  virtual Result<BlobInfo> info(const oci::Digest& digest) = 0;  // kNotFound
  virtual Result<std::unique_ptr<BlobReader>> open(const oci::Digest& digest) = 0;

  // Opens the ingest of that reference, new or interrupted. A second opener of a
  // reference in use gets kUnavailable. Without a reference it is one that nobody can continue:
  // what was not committed goes with the object, or at the latest when the store opens again.
  virtual Result<std::unique_ptr<Ingest>> ingest(
      const std::string& reference, HashAlgorithm algorithm = HashAlgorithm::kSha256) = 0;
  // Makes the ingest's bytes the blob `expected`, holding it by `lease` from the same
  // moment where one is given. A mismatch is kDataLoss and drops the ingest; after any other
  // failure it is as before. `expected` may be of another algorithm than the ingest's.
  virtual Result<BlobInfo> commit(Ingest& ingest, const oci::Digest& expected,
                                  Lease* lease = nullptr) = 0;
  // Makes a blob of `other` one of this store, too: both have the same file then, and nothing is
  // copied, nor hashed where it was not touched since `other` verified it. Durable as a commit,
  // and success where the blob is here. Fails where `other` has not got it whole, or the system
  // gives no link (another file system, too many links): then the bytes must come by an ingest.
  virtual Result<BlobInfo> link_from(ContentStore& other, const oci::Digest& digest) = 0;
  // Makes a file a blob, too, as link_from() does another store's: `file` is on the disk, nobody
  // writes to it again, and the caller has hashed what he wrote.
  virtual Result<BlobInfo> link_file(const Path& file, const oci::Digest& digest,
                                     Lease* lease = nullptr) = 0;
  virtual Result<> abort(const std::string& reference) = 0;  // missing is success
  // Removes the ingests that nobody has open; returns bytes freed.
  virtual Result<uint64_t> abort_idle() = 0;
  // Bytes of those, without the ones under some references.
  virtual Result<uint64_t> idle_bytes(const std::set<std::string>& without = {}) = 0;

  // Whether the blob is whole: kDataLoss, with the reason, where its file is gone, of another
  // length or of other content; kNotFound where there is no such blob.
  virtual Result<> verify(const oci::Digest& digest, const VerifyOptions& options = {},
                          const CancelToken& cancel = {}) = 0;
  // Compares rows, files and ingests with one another, while others work, and tells each
  // problem. Repair removes changed blobs and stray files, and adopts a file without a row
  // where it is what its name says.
  virtual Result<> check(const CheckOptions& options, const ProblemSink& report,
                         const CancelToken& cancel = {}) = 0;

  virtual Result<> remove(const oci::Digest& digest) = 0;  // kNotFound; also what is left of one
  // What was removed is gone for all who look; this waits until its room is free, too.
  virtual void settle() = 0;
  virtual Result<> walk(const std::function<Result<>(const BlobInfo&)>& visit) = 0;

  virtual Result<std::unique_ptr<Lease>> lease() = 0;
  // The bytes that collect() would free now.
  virtual Result<uint64_t> collectable(const std::set<oci::Digest>& keep) = 0;
  // Removes each blob that is older than `grace`, not in `keep` and not leased; returns bytes
  // freed.
  virtual Result<uint64_t> collect(const std::set<oci::Digest>& keep,
                                   std::chrono::seconds grace = std::chrono::seconds(0)) = 0;
  // The same of these blobs alone, each that is here and not leased.
  virtual Result<uint64_t> collect_among(const std::set<oci::Digest>& unneeded) = 0;
};

// Opens the store under `root`, creating it where missing; kUnavailable while another store
// has it open. Reconciles files with the database: half-done work of a crash is finished or
// undone, and ingests that nobody can continue, or touched for a day, are dropped.
Result<std::unique_ptr<ContentStore>> open_content_store(
    const Path& root, DurableFiles& files = DurableFiles::system(),
    const Clock& clock = Clock::system());

// A small blob, whole, in memory and verified (kDataLoss where the file was damaged);
// refused beyond `limit` bytes.
Result<std::string> read_blob(ContentStore& store, const oci::Digest& digest,
                              size_t limit = size_t{16} << 20U);
// Stores `bytes`; returns their digest.
Result<oci::Digest> write_blob(ContentStore& store, std::string_view bytes, Lease* lease = nullptr);

}  // namespace skiff::content
