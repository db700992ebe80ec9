// GarbageCollector: removes what nothing names any more, beside whatever else goes on.
//
// It asks the metadata for candidates whose time has come. The metadata decides in one
// transaction what is garbage, and makes it invisible in the same; the collector holds the
// lock of each digest until its content is gone, so that a push of the same bytes comes before
// or after, never in the middle. What is gone is forgotten when the disk has forgotten it, too:
// that is asked of many at once. Content that cannot be removed holds up no other; it is tried
// again a minute later, and after a restart. While the gate is held it decides nothing.
//
// What has a place of its own needs none of this: its place is noted as discarded with the
// decision, nothing comes back to it, and it is taken away when the grace is over, by any node.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <span>
#include <stop_token>
#include <thread>

#include "registry/blobs.h"
#include "registry/digest_locks.h"
#include "registry/metadata.h"
#include "registry/removal_gate.h"
#include "registry/upload_sessions.h"

namespace skiff::registry {

class GarbageCollector {
 public:
  GarbageCollector(Blobs& blobs, MetadataStore& metadata, UploadSessions& uploads,
                   DigestLocks& locks, RemovalGate& gate, std::chrono::seconds upload_age,
                   std::chrono::seconds grace, const Clock& clock);

  // Finishes what a crash interrupted.
  Result<> recover();
  // Everything that is due now; returns the number of blobs removed.
  Result<size_t> collect();
  // Collects by itself from now on, until destroyed.
  void start();

  // Since the start.
  struct Totals {
    std::atomic<uint64_t> collections = 0;
    std::atomic<uint64_t> failures = 0;  // of collections, and of removals that are tried again
    std::atomic<uint64_t> reviewed = 0;  // candidates
    std::atomic<uint64_t> removed = 0;   // blobs
    std::atomic<uint64_t> bytes = 0;     // of these
    std::atomic<int64_t> last = 0;       // Unix nanoseconds of the last collection's end
  };
  const Totals& totals() const { return totals_; }

 private:
  void run(const std::stop_token& stop);
  // The locks of digests, as far as nobody has them.
  class Locks {
   public:
    explicit Locks(DigestLocks& locks) : locks_(locks) {}
    bool take(const oci::Digest& digest);

   private:
    DigestLocks& locks_;
    std::map<oci::Digest, DigestLocks::Guard> held_;
  };

  Result<size_t> collect_all();
  Result<> finish_interrupted();
  Result<size_t> review_some();
  void remove(const std::vector<oci::Digest>& blobs);
  Result<> forget_if_many();
  Result<> forget();
  Result<> drop(std::span<const oci::Digest> blobs);
  Result<> discard();
  void try_later(const Error& error);
  std::chrono::milliseconds pause();

  Blobs& blobs_;
  MetadataStore& metadata_;
  UploadSessions& uploads_;
  DigestLocks& locks_;
  RemovalGate& gate_;
  std::chrono::seconds upload_age_;
  std::chrono::milliseconds longest_pause_;
  const Clock& clock_;
  Totals totals_;
  std::mutex collecting_;          // guards what follows
  TimePoint retry_at_;             // what failed is left alone until then
  std::vector<oci::Digest> gone_;  // removed, and not forgotten yet
  size_t forgotten_ = 0;           // by this collection
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace skiff::registry
