// DigestLocks: one user at a time for each digest: who stores a blob and records it, or who
// takes it away, so that neither happens in the middle of the other. Thread-safe.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>

#include "oci/digest.h"

namespace skiff::registry {

class DigestLocks {
 public:
  class Guard {
   public:
    Guard(DigestLocks& locks, oci::Digest digest) : locks_(&locks), digest_(std::move(digest)) {}
    Guard(Guard&& other) noexcept
        : locks_(std::exchange(other.locks_, nullptr)), digest_(std::move(other.digest_)) {}
    Guard& operator=(Guard&&) = delete;
    ~Guard() {
      if (locks_ != nullptr) locks_->release(digest_);
    }

   private:
    DigestLocks* locks_;
    oci::Digest digest_;
  };

  // Waits for it.
  Guard lock(const oci::Digest& digest);
  std::optional<Guard> try_lock(const oci::Digest& digest);

 private:
  void release(const oci::Digest& digest);

  std::mutex mutex_;
  std::condition_variable released_;
  std::set<oci::Digest> held_;
};

}  // namespace skiff::registry
