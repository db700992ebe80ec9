// LeaseTable: which digests are leased, counted. Kept in memory: a lease protects work in
// flight, and work does not outlive the process that does it. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>

#include "content/content_store.h"

namespace skiff::content {

class LeaseTable : public std::enable_shared_from_this<LeaseTable> {
 public:
  std::unique_ptr<Lease> make_lease();

  // While a Frozen lives no lease begins or ends: what it says stays true.
  class Frozen {
   public:
    explicit Frozen(const LeaseTable& table) : table_(table), lock_(table.mutex_) {}
    bool holds(const oci::Digest& digest) const { return table_.counts_.contains(digest); }

   private:
    const LeaseTable& table_;
    std::lock_guard<std::mutex> lock_;
  };

 private:
  class TableLease;
  mutable std::mutex mutex_;
  std::unordered_map<oci::Digest, int> counts_;
};

}  // namespace skiff::content
